// Asynchronous calls: shown once they are on disk, restored, cancelled, withdrawn.
#include "core/test_core.h"

namespace ionian::core {
namespace {

class DurableTest : public CoreTest {
 protected:
  std::size_t shown(const CallId& id) { return core.call(id)->published; }
  Input done_input(const CallId& of, const FunctionId& f, const std::string& id, std::size_t at) {
    Input input{.id = InputId(id), .call = of, .function = f};
    input.state = InputState::kDone;
    input.position = at;
    input.result = {.outcome = Outcome::kSuccess, .generic_result = "result of " + id};
    return input;
  }
  Call kept_call(const std::string& id, const FunctionId& f) {
    return {.id = CallId(id), .function = f, .app = app, .workspace = workspace};
  }
};

TEST_F(DurableTest, AResultIsShownWhenItIsOnDisk) {
  const CallId id = call(function("f"), 1, true);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  put(task, input, Outcome::kSuccess);
  EXPECT_EQ(shown(id), 0u);
  EXPECT_FALSE(was_told(outputs_key(id)));
  core.output_kept(now, input);
  EXPECT_EQ(shown(id), 1u);
  EXPECT_TRUE(was_told(outputs_key(id)));
}

TEST_F(DurableTest, ResultsAreShownInTheOrderOfTheirCompletion) {
  const CallId id = call(function("f"), 2, true);
  const TaskId task = started().at(0);
  const InputId first = take(task).at(0);
  put(task, first, Outcome::kSuccess);
  const InputId second = take(task).at(0);
  put(task, second, Outcome::kSuccess);
  core.output_kept(now, second);
  EXPECT_EQ(shown(id), 0u);
  core.output_kept(now, first);
  EXPECT_EQ(shown(id), 2u);
}

TEST_F(DurableTest, OutputsAreFoundByTheNumbersOfTheirInputs) {
  const FunctionId f = function("f");
  const auto id =
      core.start_call(now, {.function = f, .workspace = workspace, .asynchronous = true});
  ASSERT_TRUE(core.put_inputs(now, *id, {{.index = 7}, {.index = 5}}));
  const TaskId task = started().at(0);
  const InputId seven = take(task).at(0);
  put(task, seven, Outcome::kSuccess);
  const InputId five = take(task).at(0);
  put(task, five, Outcome::kSuccess);
  EXPECT_TRUE(core.call(*id)->by_index.empty());  // not on disk yet
  core.output_kept(now, seven);
  core.output_kept(now, five);
  const std::multimap<std::int32_t, std::size_t> found = {{5, 1}, {7, 0}};
  EXPECT_EQ(core.call(*id)->by_index, found);

  const Call kept = kept_call("fc-1", f);
  core.restore_call(now, kept,
                    {done_input(kept.id, f, "in-b", 4), done_input(kept.id, f, "in-a", 2)});
  EXPECT_EQ(core.call(kept.id)->by_index.size(), 2u);
}

TEST_F(DurableTest, AnOutputThatCouldNotBeKeptIsTriedAgain) {
  const CallId id = call(function("f"), 1, true);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  put(task, input, Outcome::kSuccess);
  EXPECT_EQ(to_keep(), std::vector<InputId>{input});
  core.output_not_kept(now, input);
  EXPECT_TRUE(to_keep().empty());
  pass(limits.keep_again);
  EXPECT_EQ(to_keep(), std::vector<InputId>{input});
  EXPECT_EQ(shown(id), 0u);
}

TEST_F(DurableTest, ACallOnDiskLeavesTheCoreAfterAWhile) {
  const CallId id = call(function("f"), 1, true);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  put(task, input, Outcome::kSuccess);
  core.output_kept(now, input);
  pass(limits.keep_read_call);
  EXPECT_EQ(core.call(id), nullptr);
  EXPECT_EQ(core.live_bytes(), 0u);
}

TEST_F(DurableTest, ARestoredCallGoesOnWhereItWas) {
  const FunctionId f = function("f");
  Input waiting{.id = InputId("in-2"), .call = CallId("fc-1"), .function = f, .payload = "2"};
  core.restore_call(now, kept_call("fc-1", f),
                    {done_input(CallId("fc-1"), f, "in-3", 1), waiting,
                     done_input(CallId("fc-1"), f, "in-1", 0)});
  const Call& restored = *core.call(CallId("fc-1"));
  EXPECT_EQ(restored.outputs, (std::deque<InputId>{InputId("in-1"), InputId("in-3")}));
  EXPECT_EQ(restored.published, 2u);
  const TaskId task = started().at(0);
  EXPECT_EQ(take(task), std::vector<InputId>{InputId("in-2")});
  put(task, InputId("in-2"), Outcome::kSuccess);
  core.output_kept(now, InputId("in-2"));
  EXPECT_EQ(shown(CallId("fc-1")), 3u);
}

TEST_F(DurableTest, AResultThatWasLostComesBehindThoseThatWereNot) {
  const FunctionId f = function("f");
  Input lost{.id = InputId("in-1"), .call = CallId("fc-1"), .function = f};
  core.restore_call(now, kept_call("fc-1", f), {lost, done_input(CallId("fc-1"), f, "in-2", 1)});
  const TaskId task = started().at(0);
  take(task);
  put(task, InputId("in-1"), Outcome::kSuccess);
  EXPECT_EQ(core.input(InputId("in-1"))->position, 2u);
}

TEST_F(DurableTest, RestoredAttemptsCount) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.retry.retries = 1; });
  Input waiting{.id = InputId("in-1"), .call = CallId("fc-1"), .function = f};
  waiting.attempts = 1;
  core.restore_call(now, kept_call("fc-1", f), {waiting});
  const TaskId task = started().at(0);
  take(task);
  put(task, InputId("in-1"), Outcome::kFailure);
  EXPECT_EQ(core.input(InputId("in-1"))->state, InputState::kDone);
}

TEST_F(DurableTest, ARetryWaitsOnAfterARestart) {
  const FunctionId f =
      function("f", [](FunctionConfig& c) { c.retry = {.retries = 3, .initial_delay = 40s}; });
  const CallId id = call(f, 1, true);
  const TaskId task = started().at(0);
  const InputId failing = take(task).at(0);
  put(task, failing, Outcome::kFailure);
  EXPECT_EQ(core.input(failing)->next_attempt, now + 40s);

  Input soon{.id = InputId("in-1"), .call = CallId("fc-1"), .function = f};
  soon.attempts = 1;
  Input late = soon, due = soon;
  soon.next_attempt = now + 10s;
  late.id = InputId("in-2"), late.next_attempt = now + 100h;  // the clock was set back since
  due.id = InputId("in-3"), due.next_attempt = now - 1s;
  core.restore_call(now, kept_call("fc-1", f), {soon, late, due});
  const auto waits = [&](const char* input) {
    return core.input(InputId(input))->state == InputState::kWaitingForRetry;
  };
  EXPECT_TRUE(waits("in-1") && waits("in-2") && !waits("in-3"));
  pass(11s);
  EXPECT_TRUE(!waits("in-1") && waits("in-2"));
  pass(30s);
  EXPECT_FALSE(waits("in-2"));
}

TEST_F(DurableTest, WhatWasCancelledInAFormerLifeEnds) {
  const FunctionId f = function("f");
  const Call kept = kept_call("fc-1", f);
  Input cancelled{.id = InputId("in-1"), .call = kept.id, .function = f};
  cancelled.cancelled = true;
  core.restore_call(now, kept,
                    {cancelled, {.id = InputId("in-2"), .call = kept.id, .function = f}});
  EXPECT_EQ(core.input(InputId("in-1"))->result.outcome, Outcome::kTerminated);
  EXPECT_EQ(to_keep(), std::vector<InputId>{InputId("in-1")});
  EXPECT_EQ(core.function(f)->pending, std::deque{InputId("in-2")});
}

TEST_F(DurableTest, WhatIsLeftOfAStoppedAppEnds) {
  const FunctionId f("fu-gone");
  core.add_stopped_app(now, {.id = AppId("ap-2"), .workspace = workspace});
  Call of = kept_call("fc-1", f);
  of.app = AppId("ap-2");
  core.restore_call(now, of, {Input{.id = InputId("in-1"), .call = of.id, .function = f}});
  const Input& input = *core.input(InputId("in-1"));
  EXPECT_EQ(input.result.outcome, Outcome::kTerminated);
  EXPECT_EQ(to_keep(), std::vector<InputId>{InputId("in-1")});
}

TEST_F(DurableTest, CancelEndsWhatWaitsAndTellsTheContainerOfWhatRuns) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_containers = 1; });
  const CallId id = call(f, 2, true);
  const TaskId task = started().at(0);
  const InputId running = take(task).at(0);
  core.cancel_call(now, id, false);
  EXPECT_EQ(core.call(id)->done, 1u);
  EXPECT_TRUE(was_told(cancels_key(task)));
  EXPECT_EQ(core.take_cancelled(now, task), std::vector<InputId>{running});
  EXPECT_TRUE(core.take_cancelled(now, task).empty());
  // The container may have dropped it, and hears of it again.
  now = core.next_cancel(task).value();
  EXPECT_EQ(core.take_cancelled(now, task), std::vector<InputId>{running});
  put(task, running, Outcome::kTerminated);
  EXPECT_EQ(core.call(id)->done, 2u);
  EXPECT_TRUE(core.take_cancelled(now + 1min, task).empty());
  EXPECT_EQ(core.next_cancel(task), std::nullopt);
}

TEST_F(DurableTest, ACancelledInputDoesNotRunAgain) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.retry.retries = 5; });
  const CallId id = call(f, 1);
  const TaskId task = started().at(0);
  const InputId running = take(task).at(0);
  core.cancel_call(now, id, false);
  core.task_exited(now, task, {.lost = true});
  EXPECT_EQ(core.input(running)->result.outcome, Outcome::kTerminated);
}

TEST_F(DurableTest, CancelLeavesOtherCallsOfTheFunctionWaiting) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.max_containers = 1, c.retry = {.retries = 1, .initial_delay = 1s};
  });
  const CallId first = call(f, 3, true), second = call(f, 2, true);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kFailure);  // and waits for its next attempt
  core.cancel_call(now, first, false);
  EXPECT_EQ(core.call(first)->done, 3u);
  EXPECT_EQ(
      std::vector<InputId>(core.function(f)->pending.begin(), core.function(f)->pending.end()),
      core.call(second)->inputs);
  pass(10s);
  EXPECT_EQ(core.call(first)->done, 3u);
}

TEST_F(DurableTest, WhatRunsBesideACancelledInputRunsAgainIfTheContainerEndsForIt) {
  const FunctionId f =
      function("f", [](FunctionConfig& c) { c.max_containers = 1, c.max_concurrent_inputs = 2; });
  const CallId cancelled = call(f, 1), other = call(f, 1);
  const TaskId task = started().at(0);
  const InputId first = take(task).at(0), second = take(task).at(0);
  core.cancel_call(now, cancelled, false);
  core.task_exited(now, task, {});
  EXPECT_EQ(core.input(first)->result.outcome, Outcome::kTerminated);
  EXPECT_EQ(core.input(second)->state, InputState::kPending);
  EXPECT_EQ(core.call(other)->done, 0u);
}

TEST_F(DurableTest, CancelMayKillTheContainer) {
  const CallId id = call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId running = take(task).at(0);
  core.cancel_call(now, id, true);
  EXPECT_TRUE(was_killed(task));
  EXPECT_EQ(core.input(running)->result.outcome, Outcome::kTerminated);
}

TEST_F(DurableTest, WhatCouldNotBeKeptIsWithdrawn) {
  const FunctionId f = function("f");
  const CallId id = call(f, 3, true);
  core.withdraw_inputs(id, core.call(id)->inputs);
  EXPECT_EQ(core.call(id), nullptr);
  EXPECT_EQ(core.live_inputs(), 0u);
  EXPECT_TRUE(core.function(f)->pending.empty());
}

TEST_F(DurableTest, ADrainingAppEndsWhenItsLastInputIsWithdrawn) {
  const AppId other("ap-2");
  core.add_app(now, {.id = other, .workspace = workspace, .ephemeral = false, .detached = true});
  const FunctionId f = function("f", [&](FunctionConfig& c) { c.app = other; });
  const CallId id = call(f, 1, true);
  core.disconnect_app(now, other);
  core.withdraw_inputs(id, core.call(id)->inputs);
  pass(1s);
  EXPECT_TRUE(core.app(other)->stopping);
}

}  // namespace
}  // namespace ionian::core
