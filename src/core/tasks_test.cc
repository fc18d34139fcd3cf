// When containers start, what they get, and when they end.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, OneContainerStartsForOneInput) {
  call(function("f"), 1);
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(CoreTest, ManyInputsStartContainersAFewAtATimeUpToTheMost) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_containers = 3; });
  call(f, 100);
  const std::vector<TaskId> first = started();
  EXPECT_EQ(first.size(), limits.starting_max);
  take(first[0]);
  EXPECT_EQ(started().size(), 1u);
  take(first[1]);
  EXPECT_TRUE(started().empty());
  EXPECT_EQ(core.function(f)->tasks.size(), 3u);
}

TEST_F(CoreTest, WarmContainersStartOneAfterTheOther) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.min_containers = 5; });
  std::size_t all = 0;
  for (std::vector<TaskId> more = started(); !more.empty(); more = started())
    for (const TaskId& task : more) take(task), ++all;
  EXPECT_EQ(all, 5u);
}

TEST_F(CoreTest, AContainerGetsAsManyInputsAsItHasSlots) {
  call(function("f", [](FunctionConfig& c) { c.max_concurrent_inputs = 2, c.max_containers = 1; }),
       5);
  const TaskId task = started().at(0);
  const InputId first = take(task).at(0);
  EXPECT_EQ(take(task).size(), 1u);
  EXPECT_TRUE(take(task).empty());
  put(task, first, Outcome::kSuccess);
  EXPECT_TRUE(was_told(inputs_key(task)));
  EXPECT_EQ(take(task).size(), 1u);
}

TEST_F(CoreTest, ABatchHasInputsOfOneMethod) {
  const FunctionId f =
      function("f", [](FunctionConfig& c) { c.batch_max_size = 4, c.max_containers = 1; });
  const CallId id = *core.start_call(now, {.function = f, .workspace = workspace});
  ASSERT_TRUE(core.put_inputs(
      now, id, {{.method = "a"}, {.method = "a"}, {.method = "b"}, {.method = "a"}}));
  const TaskId task = started().at(0);
  const std::vector<InputId> batch = take(task, 4);
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_TRUE(take(task, 4).empty());
  for (const InputId& input : batch) put(task, input, Outcome::kSuccess);
  EXPECT_EQ(take(task, 4).size(), 1u);
}

TEST_F(CoreTest, AnIdleContainerEndsAlthoughItKeepsAsking) {
  call(function("f", [](FunctionConfig& c) { c.scaledown_window = 60s; }), 1);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  EXPECT_TRUE(take(task).empty());
  pass(50s);
  EXPECT_TRUE(take(task).empty());
  EXPECT_FALSE(core.should_stop(task));
  pass(11s);
  EXPECT_TRUE(core.should_stop(task));
  EXPECT_TRUE(was_told(inputs_key(task)));
}

TEST_F(CoreTest, AnIdleContainerWithoutWindowIsAskedBackForTheNextInput) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.scaledown_window = 0s, c.max_containers = 1, c.min_containers = 1;
  });
  call(f, 2);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  core.tick(now);
  EXPECT_EQ(take(task).size(), 1u);
}

TEST_F(CoreTest, AContainerThatIgnoresItsStopIsKilled) {
  call(function("f", [](FunctionConfig& c) { c.scaledown_window = 10s; }), 1);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  take(task);
  pass(10s + limits.stop_grace);
  EXPECT_TRUE(was_killed(task));
}

TEST_F(CoreTest, AnImportThatFailsFailsTheWaitingInputs) {
  const CallId id = call(function("f"), 3);
  core.task_failed(now, started().at(0),
                   {.outcome = Outcome::kFailure, .generic_result = "ImportError"});
  EXPECT_EQ(core.call(id)->done, 3u);
  EXPECT_EQ(core.input(core.call(id)->inputs[0])->result.generic_result, "ImportError");
}

TEST_F(CoreTest, AContainerThatIsNotReadyInTimeIsKilledAndItsInputsFail) {
  const CallId id = call(function("f", [](FunctionConfig& c) { c.startup_timeout = 20s; }), 1);
  const TaskId task = started().at(0);
  pass(20s);
  EXPECT_TRUE(was_killed(task));
  core.task_exited(now, task, {.signal = 9});
  EXPECT_EQ(core.input(core.call(id)->inputs[0])->result.outcome, Outcome::kInitFailure);
}

TEST_F(CoreTest, AfterFailedStartsTheNextOneWaits) {
  const FunctionId f = function("f");
  call(f, 1);
  core.task_exited(now, started().at(0), {.exit_code = 1});
  call(f, 1);
  EXPECT_TRUE(started().empty());
  pass(30s);
  EXPECT_EQ(started().size(), 1u);
}

// A machine with eight places.
class FullMachine : public CoreTest {
 protected:
  FullMachine() : CoreTest({.tasks_max = 8}) {}
  std::vector<TaskId> fill(const FunctionId& f, std::size_t inputs) {
    call(f, inputs);
    std::vector<TaskId> all;
    for (std::vector<TaskId> more = started(); !more.empty(); more = started())
      for (const TaskId& task : more) {
        take(task);
        all.push_back(task);
      }
    return all;
  }
};

TEST_F(FullMachine, TheLastPlaceIsForAFunctionWithoutContainer) {
  EXPECT_EQ(fill(function("caller"), 100).size(), 7u);
  // All of caller's inputs may wait for callee's result: it must be able to start.
  call(function("callee"), 1);
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(FullMachine, AWarmContainerGoesForAFunctionThatHasNone) {
  const std::vector<TaskId> warm =
      fill(function("warm", [](FunctionConfig& c) { c.min_containers = 7; }), 0);
  const std::vector<TaskId> other = fill(function("other"), 1);
  ASSERT_EQ(warm.size() + other.size(), 8u);
  const FunctionId third = function("third");
  call(third, 1);
  const auto going =
      std::find_if(warm.begin(), warm.end(), [&](const TaskId& t) { return core.should_stop(t); });
  ASSERT_NE(going, warm.end());
  core.task_exited(now, *going, {});
  EXPECT_EQ(core.function(third)->tasks.size(), 1u);
}

TEST_F(FullMachine, AFunctionWithALongQueueGivesOneContainerUp) {
  const std::vector<TaskId> busy = fill(function("busy"), 1000);
  fill(function("second"), 1);
  call(function("third"), 1);
  EXPECT_TRUE(started().empty());
  const InputId running = *core.task(busy[0])->running.begin();
  put(busy[0], running, Outcome::kSuccess);
  EXPECT_TRUE(take(busy[0]).empty());
  EXPECT_TRUE(core.should_stop(busy[0]));
  core.task_exited(now, busy[0], {});
  EXPECT_EQ(started().size(), 1u);
}

}  // namespace
}  // namespace ionian::core
