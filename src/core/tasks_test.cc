// When containers start, what they get, and when they end.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, OneContainerStartsForOneInput) {
  call(function("f"), 1);
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(CoreTest, ManyInputsStartContainersAFewAtATimeUpToTheMost) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_containers = 5; });
  call(f, 100);
  const std::vector<TaskId> first = started();
  EXPECT_EQ(first.size(), limits.launching_max);
  // Its runtime is up: the next one need not wait for its program.
  core.task_hello(now, first[0]);
  core.task_hello(now, first[0]);
  EXPECT_EQ(started().size(), 1u);
  take(first[0]);
  EXPECT_TRUE(started().empty());
  take(first[1]);  // one that says nothing before it asks for inputs
  EXPECT_EQ(started().size(), 1u);
  // One that ends before it has said hello is none that starts, nor is one that has.
  core.task_exited(now, first[1], {.lost = true});
  EXPECT_EQ(core.function(f)->tasks.size(), 3u);
}

TEST_F(CoreTest, ABurstIsThereAtOnceHoweverLongItsProgramsLoad) {
  const FunctionId f = function("f");
  call(f, 50);
  std::size_t all = 0;
  for (std::vector<TaskId> more = started(); !more.empty(); more = started())
    for (const TaskId& task : more) core.task_hello(now, task), ++all;
  EXPECT_EQ(all, 50u);
  EXPECT_EQ(core.function(f)->starting, 50u);
  EXPECT_EQ(core.function(f)->launching, 0u);
}

TEST_F(CoreTest, WarmContainersStartOneAfterTheOther) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.min_containers = 5; });
  std::size_t all = 0;
  for (std::vector<TaskId> more = started(); !more.empty(); more = started())
    for (const TaskId& task : more) take(task), ++all;
  EXPECT_EQ(all, 5u);
}

TEST_F(CoreTest, NothingIsKeptWarmBeforeTheAppIsComplete) {
  const AppId run("ap-run");
  core.add_app(now, {.id = run, .workspace = workspace, .complete = false});
  const FunctionId f = function("f", [&](FunctionConfig& c) { c.app = run, c.min_containers = 2; });
  EXPECT_TRUE(started().empty());
  core.complete_app(now, run);
  EXPECT_EQ(started().size(), 2u);
  core.complete_app(now, run);
  EXPECT_TRUE(started().empty());
  // Who is called is there, whatever comes later.
  core.add_app(now, {.id = AppId("ap-2"), .workspace = workspace, .complete = false});
  call(function("g", [](FunctionConfig& c) { c.app = AppId("ap-2"), c.min_containers = 2; }), 1);
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(CoreTest, AContainerOfSingleUseIsNotWaitedForByTheNextInput) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.single_use = true; });
  call(f, 1);
  const TaskId used = started().at(0);
  const InputId input = take(used).at(0);
  EXPECT_FALSE(core.should_stop(used));  // it works
  call(f, 1);
  const std::vector<TaskId> next = started();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(take(next[0]).size(), 1u);
  put(used, input, Outcome::kSuccess);
  call(f, 1);  // the first one has nothing to do, but is on its way out
  EXPECT_EQ(started().size(), 1u);
  EXPECT_TRUE(take(used).empty());
  EXPECT_TRUE(core.should_stop(used));
}

TEST_F(CoreTest, AContainerOfSingleUseKeepsItsPlaceUntilItHasEnded) {
  const auto alone = [](FunctionConfig& c) { c.single_use = true, c.max_containers = 1; };
  const FunctionId f = function("f", alone);
  call(f, 2);
  const TaskId used = started().at(0);
  put(used, take(used).at(0), Outcome::kSuccess);
  EXPECT_TRUE(started().empty());
  core.task_exited(now, used, {});
  EXPECT_EQ(started().size(), 1u);
}

TEST_F(CoreTest, WhatAStoppedContainerRanBeginsAgainHoweverOftenThatHappens) {
  const CallId id = call(function("f"), 1);
  const auto take_it = [&](const TaskId& task) { return take(task).at(0); };
  for (std::uint32_t n = 0; n <= limits.lost_containers_max + 1; ++n) {
    const TaskId task = started().at(0);
    const InputId input = take_it(task);
    core.end_task(now, task, false);
    EXPECT_TRUE(was_interrupted(task));
    EXPECT_FALSE(was_killed(task)) << "its exit hooks run";
    // What an interrupted runtime says of the input is no result.
    put(task, input, Outcome::kTerminated);
    EXPECT_EQ(core.input(input)->state, InputState::kPending);
    EXPECT_EQ(core.input(input)->lost_containers, 0u);
    if (n == 1) pass(limits.stop_grace);
    EXPECT_EQ(was_killed(task), n == 1);
    core.task_exited(now, task, {});
  }
  const TaskId last = started().at(0);
  put(last, take_it(last), Outcome::kSuccess);
  EXPECT_EQ(core.call(id)->done, 1u);
}

TEST_F(CoreTest, AStoppedContainerIsToldInItsAnswerWhereItListensAndKilledWhereItOnlyStarts) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.min_containers = 1; });
  const TaskId starting = started().at(0);
  core.end_task(now, starting, false);
  EXPECT_TRUE(was_killed(starting));
  core.task_exited(now, starting, {.signal = 9});
  EXPECT_EQ(core.function(f)->failed_starts, 0u);
  const TaskId idle = started().at(0);
  take(idle);
  core.end_task(now, idle, false);
  EXPECT_TRUE(core.should_stop(idle));
  EXPECT_FALSE(was_killed(idle) || was_interrupted(idle));
}

TEST_F(CoreTest, ACancelledInputOfAStoppedContainerIsOver) {
  const CallId id = call(function("f"), 1);
  const TaskId task = started().at(0);
  const InputId input = take(task).at(0);
  core.cancel_call(now, id, false);
  core.end_task(now, task, false);
  EXPECT_EQ(core.input(input)->result.outcome, Outcome::kTerminated);
  core.task_exited(now, task, {});
  EXPECT_TRUE(started().empty());
}

TEST_F(CoreTest, OutputIsOfTheInputThatRunsAloneOrWasTheLast) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.max_concurrent_inputs = 2; });
  call(f, 1);
  const TaskId task = started().at(0);
  const InputId first = take(task).at(0);
  EXPECT_EQ(heard_from(task), first);
  put(task, first, Outcome::kSuccess);  // and its last lines are read after this
  EXPECT_EQ(heard_from(task), first);
  call(f, 2);
  const InputId second = take(task).at(0);
  EXPECT_EQ(heard_from(task), second);
  const InputId third = take(task).at(0);
  EXPECT_EQ(heard_from(task), InputId());
  put(task, second, Outcome::kSuccess);
  EXPECT_EQ(heard_from(task), third);
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

TEST_F(CoreTest, ContainersTakeMoreThanTheirTargetWhereNoOtherCanCome) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.max_concurrent_inputs = 4, c.target_concurrent_inputs = 2, c.max_containers = 2;
  });
  EXPECT_EQ(core.concurrency_now(f), 2u);
  call(f, 3);
  const std::vector<TaskId> tasks = started();
  ASSERT_EQ(tasks.size(), 2u);  // for three inputs, by the target
  for (int i = 0; i < 2; ++i) EXPECT_EQ(take(tasks[0]).size(), 1u);
  EXPECT_EQ(core.headroom(f), 2u);
  EXPECT_EQ(core.concurrency_now(f), 4u);
  EXPECT_EQ(take(tasks[1]).size(), 1u);
  call(f, 3);
  EXPECT_TRUE(started().empty());
  EXPECT_EQ(core.concurrency_now(f), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(tasks[1]).size(), 1u);
  EXPECT_TRUE(take(tasks[1]).empty());
}

TEST_F(CoreTest, WhileThereIsWorkSomeContainersStandReady) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.buffer_containers = 1, c.scaledown_window = 5s, c.timeout = 1h;
  });
  EXPECT_TRUE(started().empty());
  call(f, 1);
  const std::vector<TaskId> tasks = started();
  ASSERT_EQ(tasks.size(), 2u);
  const InputId input = take(tasks[0]).at(0);
  EXPECT_TRUE(take(tasks[1]).empty());
  pass(1min);
  EXPECT_FALSE(core.should_stop(tasks[1]));
  put(tasks[0], input, Outcome::kSuccess);
  EXPECT_TRUE(take(tasks[0]).empty());
  pass(10s);
  EXPECT_TRUE(core.should_stop(tasks[0]));
  EXPECT_TRUE(core.should_stop(tasks[1]));
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

TEST_F(CoreTest, ABatchThatIsNotFullWaitsForMoreInputsAndThenGoesAsItIs) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.batch_max_size = 4, c.batch_linger = 10s, c.max_containers = 1, c.scaledown_window = 2s;
  });
  call(f, 1);
  const TaskId task = started().at(0);
  EXPECT_TRUE(take(task, 4).empty());
  pass(6s);
  EXPECT_FALSE(core.should_stop(task));  // idle for longer than its window, but with work in view
  call(f, 1);
  EXPECT_FALSE(was_told(inputs_key(task)));
  EXPECT_TRUE(take(task, 4).empty());
  pass(4s);  // the first input has waited long enough, and takes the second one along
  EXPECT_TRUE(was_told(inputs_key(task)));
  EXPECT_EQ(take(task, 4).size(), 2u);
}

TEST_F(CoreTest, AFullBatchAndOneThatCannotGrowGoAtOnce) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.batch_max_size = 2, c.batch_linger = 5min, c.max_containers = 1;
  });
  const CallId id = *core.start_call(now, {.function = f, .workspace = workspace});
  ASSERT_TRUE(core.put_inputs(
      now, id, {{.method = "a"}, {.method = "a"}, {.method = "a"}, {.method = "b"}}));
  const TaskId task = started().at(0);
  for (const std::size_t size : {2u, 1u}) {
    const std::vector<InputId> batch = take(task, 2);
    EXPECT_EQ(batch.size(), size);
    for (const InputId& input : batch) put(task, input, Outcome::kSuccess);
  }
  EXPECT_TRUE(take(task, 2).empty());
  pass(5min);
  EXPECT_EQ(take(task, 2).size(), 1u);
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

TEST_F(CoreTest, AnotherWindowHoldsForContainersThatAreIdleAlready) {
  const FunctionId f = function("f", [](FunctionConfig& c) { c.scaledown_window = 3600s; });
  call(f, 1);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  take(task);
  function("f", [](FunctionConfig& c) { c.scaledown_window = 10s; });
  pass(9s);
  EXPECT_FALSE(core.should_stop(task));
  pass(2s);
  EXPECT_TRUE(core.should_stop(task));
}

TEST_F(CoreTest, ContainersAboveALowerMaximumEndThoseWithoutWorkFirst) {
  const auto at_most = [&](std::uint32_t most) {
    return function("f", [most](FunctionConfig& c) { c.max_containers = most; });
  };
  const FunctionId f = at_most(2);
  const CallId id = call(f, 2);
  const std::vector<TaskId> tasks = started();
  ASSERT_EQ(tasks.size(), 2u);
  const InputId work = take(tasks[0]).at(0);
  put(tasks[1], take(tasks[1]).at(0), Outcome::kSuccess);
  take(tasks[1]);
  at_most(1);
  EXPECT_TRUE(core.should_stop(tasks[1]));
  EXPECT_FALSE(core.should_stop(tasks[0]));
  core.task_exited(now, tasks[1], {});
  call(f, 1);
  EXPECT_TRUE(started().empty());
  put(tasks[0], work, Outcome::kSuccess);
  EXPECT_EQ(core.call(id)->done, 2u);
  EXPECT_EQ(take(tasks[0]).size(), 1u);
}

TEST_F(CoreTest, WhatRunsKeepsTheTimeoutOfItsVersion) {
  const FunctionId f = function("f", [](FunctionConfig& c) {
    c.timeout = 60s, c.max_concurrent_inputs = 2, c.max_containers = 1;
  });
  const CallId id = call(f, 2);
  const TaskId task = started().at(0);
  const InputId first = take(task).at(0), second = take(task).at(0);
  function("f", [](FunctionConfig& c) { c.timeout = 10s; });
  core.replace_tasks(now, f);
  put(task, first, Outcome::kSuccess);
  pass(50s);
  EXPECT_EQ(core.input(second)->state, InputState::kRunning);
  pass(11s);
  EXPECT_EQ(core.input(second)->result.outcome, Outcome::kTimeout);
  EXPECT_EQ(core.call(id)->done, 2u);
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

TEST_F(CoreTest, AContainerThatIgnoresItsStopIsKilledAfterThe30SecondsOfItsExitHooks) {
  call(function("f", [](FunctionConfig& c) { c.scaledown_window = 10s; }), 1);
  const TaskId task = started().at(0);
  put(task, take(task).at(0), Outcome::kSuccess);
  take(task);
  pass(10s + 30s - 1ms);
  EXPECT_FALSE(was_killed(task));
  pass(1ms);
  EXPECT_TRUE(was_killed(task));
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
