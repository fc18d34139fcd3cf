// What becomes of an input.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, AnInputGoesToAContainerAndItsResultToTheCaller) {
  const CallId id = call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  EXPECT_EQ(core.input(input)->state, InputState::kRunning);

  put(task, input, Outcome::kSuccess, "42");
  EXPECT_TRUE(was_told(outputs_key(id)));
  EXPECT_EQ(core.call(id)->outputs, std::deque{input});
  EXPECT_EQ(core.input(input)->result.generic_result, "42");
}

TEST_F(CoreTest, AnInputHasOneResult) {
  call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  put(task, input, Outcome::kSuccess, "first");
  put(task, input, Outcome::kFailure, "second");
  EXPECT_EQ(core.input(input)->result.generic_result, "first");
}

TEST_F(CoreTest, OnlyTheContainerThatRunsAnInputAnswersForIt) {
  call(function("f", [](FunctionConfig& c) { c.max_containers = 2; }), 2);
  const std::vector<TaskId> tasks = started();
  const InputId one = take(tasks.at(0)).at(0), two = take(tasks.at(1)).at(0);
  put(tasks.at(0), two, Outcome::kSuccess, "foreign");
  EXPECT_EQ(core.input(two)->state, InputState::kRunning);
  EXPECT_EQ(core.input(one)->state, InputState::kRunning);
}

TEST_F(CoreTest, AFailureIsRetriedAfterItsDelay) {
  const FunctionId f =
      function("f", [](FunctionConfig& c) { c.retry = {.retries = 1, .initial_delay = 2s}; });
  const CallId id = call(f, 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  put(task, input, Outcome::kFailure);
  pass(1900ms);
  EXPECT_TRUE(take(task).empty());
  pass(100ms);
  EXPECT_EQ(take(task), std::vector{input});
  put(task, input, Outcome::kFailure, "for good");
  EXPECT_EQ(core.call(id)->done, 1u);
  EXPECT_EQ(core.input(input)->result.generic_result, "for good");
}

TEST(RetryPolicy, TheDelayGrowsUpToItsMost) {
  const RetryPolicy policy{
      .retries = 9, .backoff_coefficient = 2.0, .initial_delay = 1s, .max_delay = 5s};
  EXPECT_EQ(policy.delay(1), 1s);
  EXPECT_EQ(policy.delay(3), 4s);
  EXPECT_EQ(policy.delay(4), 5s);
  EXPECT_EQ(policy.delay(1000), 5s);
}

TEST_F(CoreTest, AnInputWhoseContainerIsLostRunsElsewhereABoundedNumberOfTimes) {
  call(function("f"), 1);
  std::optional<InputId> input;
  for (std::uint32_t life = 0; life <= limits.lost_containers_max; ++life) {
    const TaskId task = started().at(0);
    input = take(task).at(0);
    core.task_exited(now, task, {.lost = true});
  }
  EXPECT_EQ(core.input(*input)->state, InputState::kDone);
  EXPECT_EQ(core.input(*input)->result.outcome, Outcome::kFailure);
}

TEST_F(CoreTest, AnInputWhoseContainerWasCutOffRunsAgainWithoutItsRetries) {
  call(function("f", [](FunctionConfig& c) { c.retry.retries = 1; }), 1);
  std::optional<InputId> input;
  for (std::uint32_t life = 0; life < limits.cut_off_max; ++life) {
    const TaskId task = started().at(0);
    input = take(task).at(0);
    core.task_exited(now, task, {.signal = 9, .cut_off = true});
    EXPECT_EQ(core.input(*input)->state, InputState::kPending);
    EXPECT_EQ(core.input(*input)->attempts, 0u);
  }
  const TaskId fails = started().at(0);
  put(fails, take(fails).at(0), Outcome::kFailure);
  EXPECT_EQ(core.input(*input)->attempts, 1u);
  pass(1s);
  EXPECT_EQ(take(fails).size(), 1u);
  core.task_exited(now, fails, {.signal = 9, .cut_off = true});
  EXPECT_EQ(core.input(*input)->result.outcome, Outcome::kFailure);
  EXPECT_NE(core.input(*input)->result.generic_result.find("lost its connection"),
            std::string::npos);
}

TEST_F(CoreTest, AnInputThatItsCallerRetriesHasTheNextResultAlone) {
  const CallId id = call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  const auto retry = [&] { return core.retry_input(now, id, input, {.payload = "again"}); };
  EXPECT_TRUE(retry().has_value());  // it runs: nothing changes
  put(task, input, Outcome::kInternalFailure, "no");
  core.release_call(now, id);
  ASSERT_TRUE(retry().has_value());
  EXPECT_TRUE(core.call(id)->outputs.empty());
  EXPECT_EQ(core.input(input)->payload, "again");
  EXPECT_FALSE(core.call(id)->release_at) << "it goes when the next result was read";

  EXPECT_EQ(take(task), std::vector{input});
  put(task, input, Outcome::kSuccess, "yes");
  EXPECT_EQ(core.call(id)->outputs, std::deque{input});
  EXPECT_EQ(core.call(id)->published, 1u);
  EXPECT_EQ(core.input(input)->result.generic_result, "yes");
  EXPECT_EQ(retry().error().code, Code::kFailedPrecondition);
  core.release_call(now, id);
  pass(2 * limits.keep_read_call);
  EXPECT_EQ(core.live_bytes(), 0u);
}

TEST_F(CoreTest, ResultsOfManyInputsAndThoseOnDiskAreFinal) {
  const FunctionId f = function("f");
  for (const bool asynchronous : {false, true}) {
    const CallId id = call(f, asynchronous ? 1 : 2, asynchronous);
    for (const TaskId& task : started()) {
      const InputId input = take(task).at(0);
      put(task, input, Outcome::kInternalFailure);
      EXPECT_EQ(core.retry_input(now, id, input, {}).error().code, Code::kFailedPrecondition);
      core.end_task(now, task, false);
      core.task_exited(now, task, {});
    }
  }
  EXPECT_EQ(core.retry_input(now, CallId("fc-none"), InputId("in-none"), {}).error().code,
            Code::kNotFound);
}

TEST_F(CoreTest, ACrashCountsAsAFailureAndNamesTheSignal) {
  call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  core.task_exited(now, task, {.signal = 11});
  EXPECT_EQ(core.input(input)->result.outcome, Outcome::kFailure);
  EXPECT_NE(core.input(input)->result.generic_result.find("signal 11"), std::string::npos);
}

TEST_F(CoreTest, OutOfMemoryNamesTheLimit) {
  call(function("f", [](FunctionConfig& c) { c.memory_limit_mib = 300; }), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  core.task_exited(now, task, {.signal = 9, .out_of_memory = true});
  EXPECT_NE(core.input(input)->result.generic_result.find("300 MiB"), std::string::npos);
}

// The kernel's count stays for the container's whole life.
TEST_F(CoreTest, AnEndAfterAChildRanOutOfMemoryIsNotTheMemorys) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.memory_limit_mib = 300, c.timeout = 10s, c.max_concurrent_inputs = 2;
  });
  call(f, 1);
  TaskId task = started().at(0);
  InputId input = take(task).at(0);
  core.task_exited(now, task, {.exit_code = 3, .out_of_memory = true});
  const std::string text = core.input(input)->result.generic_result;
  EXPECT_NE(text.find("exit code 3; one of its processes"), std::string::npos) << text;
  // The neighbour of one that timed out runs again.
  call(f, 1);
  task = started().at(0);
  input = take(task).at(0);
  pass(5s);
  call(f, 1);
  const InputId beside = take(task).at(0);
  pass(5s);
  core.task_exited(now, task, {.signal = 9, .out_of_memory = true});
  EXPECT_EQ(core.input(input)->result.outcome, Outcome::kTimeout);
  EXPECT_EQ(core.input(beside)->state, InputState::kPending);
  EXPECT_EQ(core.input(beside)->attempts, 0u);
}

TEST_F(CoreTest, AnInputThatTakesTooLongEndsWithItsContainer) {
  call(function("f", [](FunctionConfig& c) { c.timeout = 10s; }), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  pass(9s);
  EXPECT_FALSE(was_killed(task));
  pass(1s);
  EXPECT_TRUE(was_killed(task));
  EXPECT_EQ(core.input(input)->result.outcome, Outcome::kTimeout);
  put(task, input, Outcome::kSuccess, "too late");
  EXPECT_EQ(core.input(input)->result.outcome, Outcome::kTimeout);
}

TEST_F(CoreTest, TooManyInputsAreRefusedWhole) {
  Limits few;
  few.inputs_max = 5;
  Core small(few, random);
  small.add_app(now, {.id = app, .workspace = workspace, .ephemeral = false});
  small.define_function(now, {.id = FunctionId("fu-1"), .app = app, .workspace = workspace});
  const CallId id =
      *small.start_call(now, {.function = FunctionId("fu-1"), .workspace = workspace});
  EXPECT_TRUE(small.put_inputs(now, id, std::vector<NewInput>(4)));
  const auto refused = small.put_inputs(now, id, std::vector<NewInput>(2));
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(small.live_inputs(), 4u);
}

TEST_F(CoreTest, AnotherWorkspacesFunctionDoesNotExist) {
  const auto id =
      core.start_call(now, {.function = function("f"), .workspace = WorkspaceId("ac-2")});
  EXPECT_EQ(id.error().code, Code::kNotFound);
}

TEST_F(CoreTest, AReadCallGoesAfterAWhileButNotBeforeAllOfItIsRead) {
  const auto patient = [](FunctionConfig& c) { c.max_containers = 1, c.scaledown_window = 1h; };
  const CallId id = call(function("f", patient), 2);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  core.release_call(now, id);  // one output is still to come
  pass(limits.keep_read_call * 2);
  ASSERT_NE(core.call(id), nullptr);

  put(task, take(task).at(0), Outcome::kSuccess);
  core.release_call(now, id);
  pass(limits.keep_read_call / 2);
  EXPECT_NE(core.call(id), nullptr);
  pass(limits.keep_read_call / 2);
  EXPECT_EQ(core.call(id), nullptr);
  EXPECT_EQ(core.live_inputs(), 0u);
}

TEST_F(CoreTest, AnAsynchronousCallStaysAfterItWasRead) {
  const CallId id = call(function("f"), 1, true);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  core.release_call(now, id);
  pass(limits.keep_read_call * 2);
  EXPECT_NE(core.call(id), nullptr);
}

TEST_F(CoreTest, TheOldestCallThatIsNotOverIsKnown) {
  const FunctionId f = function("f");
  EXPECT_TRUE(core.oldest_calls().empty());
  const Time first_came = now;
  const CallId first = call(f, 1);
  now += 1h;
  const Time second_came = now;
  call(f, 1);
  EXPECT_EQ(core.oldest_calls().at(workspace), first_came);
  core.cancel_call(now, first, false);
  core.release_call(now, first);
  pass(limits.keep_read_call + 1s);
  EXPECT_EQ(core.oldest_calls().at(workspace), second_came);
}

TEST_F(CoreTest, AtTheEndWhatRunsEndsAndNothingBegins) {
  const FunctionId f = function("f", [](auto& config) { config.max_containers = 1; });
  const CallId id = call(f, 2);
  const TaskId task = started().at(0);
  const InputId runs = take(task).at(0);
  core.drain();
  EXPECT_FALSE(drained()) << "an input runs";
  EXPECT_EQ(core.start_call(now, {.function = f, .workspace = workspace}).error().code,
            Code::kUnavailable);
  EXPECT_EQ(core.put_inputs(now, id, std::vector<NewInput>(1)).error().code, Code::kUnavailable);
  put(task, runs, Outcome::kSuccess);
  EXPECT_TRUE(was_told(outputs_key(id))) << "its caller hears of it";
  EXPECT_TRUE(drained());
  EXPECT_TRUE(take(task).empty()) << "what waited goes on waiting";
  EXPECT_TRUE(started().empty());
}

// A function that calls another one waits for it, and the server's end for both.
TEST_F(CoreTest, AtTheEndWhatARunningInputWaitsForBeginsAllTheSame) {
  const FunctionId outer = function("outer"), inner = function("inner");
  const CallId from_outside = call(inner, 1);
  call(outer, 1);
  const std::vector<TaskId> tasks = started();
  const InputId waits = take(tasks.at(1)).at(0);
  core.drain();
  const auto begin = [&](bool asynchronous) {
    const auto id = core.start_call(now, {.function = inner,
                                          .workspace = workspace,
                                          .parent_input = waits,
                                          .asynchronous = asynchronous,
                                          .from_container = true});
    EXPECT_TRUE(core.put_inputs(now, *id, std::vector<NewInput>(1)).has_value());
    return *id;
  };
  const CallId nested = begin(false), spawned = begin(true);
  const InputId first = take(tasks.at(0)).at(0);
  EXPECT_EQ(core.input(first)->call, nested);
  put(tasks.at(0), first, Outcome::kSuccess);
  EXPECT_TRUE(take(tasks.at(0)).empty()) << "nobody waits for what was spawned";
  core.await_inside(now, spawned);
  const InputId second = take(tasks.at(0)).at(0);
  EXPECT_EQ(core.input(second)->call, spawned);
  EXPECT_FALSE(drained());
  put(tasks.at(0), second, Outcome::kSuccess);
  put(tasks.at(1), waits, Outcome::kSuccess);
  EXPECT_TRUE(drained());
  EXPECT_TRUE(core.call(from_outside)->outputs.empty());
}

TEST_F(CoreTest, CallsAreFoundByTheInputThatMadeThem) {
  const CallId root = call(function("f"), 1);
  const InputId maker = core.call(root)->inputs.at(0);
  const auto made = [&](const WorkspaceId& of) { return core.calls_made_by(of, maker).size(); };
  const auto child = core.start_call(
      now, {.function = FunctionId("fu-f"), .workspace = workspace, .parent_input = maker});
  EXPECT_EQ(core.calls_made_by(workspace, maker), std::vector{core.call(*child)});
  EXPECT_EQ(made(WorkspaceId("ac-2")), 0u);
  core.cancel_empty_call(*child);
  EXPECT_EQ(made(workspace), 0u);
}

// An app whose client is there, and whose one input has its result at the server's end.
class CoreEndTest : public CoreTest {
 protected:
  void SetUp() override {
    core.add_app(now, {.id = app, .workspace = workspace});
    call(function("f"), 1);
    const TaskId task = started().at(0);
    put(task, take(task).at(0), Outcome::kSuccess);
  }
};

TEST_F(CoreEndTest, AClientThatWasJustSentAResultIsWaitedFor) {
  core.drain();
  EXPECT_FALSE(drained());
  core.disconnect_app(now, app);
  EXPECT_TRUE(drained());
}

TEST_F(CoreEndTest, AClientIsNotWaitedForForLong) {
  core.drain();
  pass(limits.farewell - 1ms);
  EXPECT_FALSE(drained());
  pass(1ms);
  EXPECT_TRUE(drained());
}

TEST_F(CoreEndTest, AClientThatWasSentNothingForAWhileIsNotWaitedFor) {
  pass(limits.farewell);
  core.drain();
  EXPECT_TRUE(drained());
}

// A large answer is kept by nobody else: one that is lost would leave its inputs to a container
// that never heard of them.
TEST_F(CoreTest, AQuestionThatComesTwiceIsGivenTheSameInputs) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.max_concurrent_inputs = 4;
    c.max_containers = 1;
  });
  call(f, 3);
  const TaskId task = started().at(0);
  const auto ask = [&](const char* question) {
    std::vector<InputId> ids;
    for (const Input* input : core.take_inputs(now, task, 1, question)) ids.push_back(input->id);
    return ids;
  };
  const auto first = ask("one");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(ask("one"), first);
  const auto second = ask("two");
  EXPECT_NE(second, first);
  EXPECT_EQ(ask("two"), second);
  // It has heard of it: this is another question by the same name, long after.
  put(task, second.at(0), Outcome::kSuccess);
  EXPECT_NE(ask("two"), second);
}

}  // namespace
}  // namespace ionian::core
