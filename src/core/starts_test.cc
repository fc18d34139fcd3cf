// Starts that fail: what the inputs that wait are told, and when the next one follows.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, AnImportThatFailsFailsTheWaitingInputs) {
  const CallId id = call(function("f"), 3);
  core.task_failed(now, started().at(0),
                   {.outcome = Outcome::kFailure, .generic_result = "ImportError"});
  EXPECT_EQ(core.call(id)->done, 3u);
  EXPECT_EQ(core.input(core.call(id)->inputs[0])->result.generic_result, "ImportError");
}

TEST_F(CoreTest, AnExitThatFailsIsNoAnswerToTheInputsThatWait) {
  const CallId id =
      call(function("f", [](FunctionConfig& c) { c.single_use = true, c.max_containers = 1; }), 2);
  const TaskId first = started().at(0);
  put(first, take(first).at(0), Outcome::kSuccess);
  core.task_failed(now, first, {.outcome = Outcome::kFailure, .generic_result = "of the exit"});
  EXPECT_EQ(core.call(id)->done, 1u);
  core.task_exited(now, first, {});
  const TaskId second = started().at(0);
  put(second, take(second).at(0), Outcome::kSuccess, "of the second");
  EXPECT_EQ(core.call(id)->done, 2u);
}

TEST_F(CoreTest, AContainerThatIsNotReadyInTimeIsKilledAndItsInputsFail) {
  const CallId id = call(function("f", [](FunctionConfig& c) { c.startup_timeout = 20s; }), 1);
  const TaskId task = started().at(0);
  pass(20s);
  EXPECT_TRUE(was_killed(task));
  core.task_exited(now, task, {.signal = 9});
  EXPECT_EQ(core.input(core.call(id)->inputs[0])->result.outcome, Outcome::kInitFailure);
}

// Starts that fail for nothing that the function has done.
class GuiltlessStartTest : public CoreTest {
 protected:
  static inline const TaskExit kKilled{.signal = 9};
  static inline const TaskExit kLacking{.failed_start = "no room for a cgroup", .of_machine = true};

  // Of a run, three are replaced; what the fourth gives is returned.
  Result end_of_a_run(const TaskExit& exit) {
    const AppId run("ap-run");
    core.add_app(now, {.id = run, .workspace = workspace});
    const CallId id = call(function("f", [&](FunctionConfig& c) { c.app = run; }), 1);
    const Input& input = *core.input(core.call(id)->inputs[0]);
    for (int failed = 0; failed < 3; ++failed) {
      core.task_exited(now, started().at(0), exit);
      EXPECT_EQ(input.state, InputState::kPending);
      pass(10s);
    }
    core.task_exited(now, started().at(0), exit);
    EXPECT_EQ(input.result.outcome, Outcome::kInitFailure);
    return input.result;
  }
  void expect_a_deployed_one_served_in_the_end(const TaskExit& exit) {
    const CallId id = call(function("f"), 1, true);
    const Input& input = *core.input(core.call(id)->inputs[0]);
    for (int failed = 0; failed < 20; ++failed) {
      core.task_exited(now, started().at(0), exit);
      EXPECT_TRUE(started().empty());  // not at once
      EXPECT_EQ(input.state, InputState::kPending);
      pass(30s);
    }
    const TaskId last = started().at(0);
    put(last, take(last).at(0), Outcome::kSuccess);
    EXPECT_EQ(input.result.outcome, Outcome::kSuccess);
  }
};

TEST_F(GuiltlessStartTest,
       AContainerOfARunThatIsKilledFromOutsideWhileItStartsIsReplacedThreeTimes) {
  end_of_a_run(kKilled);
}

TEST_F(GuiltlessStartTest, OneOfADeployedAppIsReplacedHoweverOftenItIsKilled) {
  expect_a_deployed_one_served_in_the_end(kKilled);
}

TEST_F(GuiltlessStartTest, WhatTheMachineLacksFailsNoCallOfADeployedApp) {
  expect_a_deployed_one_served_in_the_end(kLacking);
}

TEST_F(GuiltlessStartTest, WhatTheMachineLacksIsSaidWhereARunWaits) {
  const Result said = end_of_a_run(kLacking);
  EXPECT_NE(said.generic_result.find(kLacking.failed_start), std::string::npos);
}

TEST_F(CoreTest, StartsThatWereLostWithTheirWorkerSayNothingOfTheFunction) {
  const CallId id = call(function("f"), 1);
  const Input& input = *core.input(core.call(id)->inputs[0]);
  for (int lost = 0; lost < 10; ++lost) {
    core.task_exited(now, started().at(0), {.signal = 9, .lost = true});
    pass(30s);
  }
  core.task_exited(now, started().at(0), {.signal = 9});
  EXPECT_EQ(input.state, InputState::kPending);
}

TEST_F(CoreTest, WithoutAWorkerTheNextStartWaitsEverLonger) {
  call(function("f"), 1);
  for (int lost = 0; lost < 6; ++lost) {
    core.task_exited(now, started().at(0), {.lost = true});
    EXPECT_TRUE(started().empty());
    pass(10s);
  }
  core.task_exited(now, started().at(0), {.lost = true});
  pass(10s);
  EXPECT_TRUE(started().empty());
}

TEST_F(CoreTest, AfterAFailedStartTheNextGoesAlone) {
  const FunctionId f = function("f");
  call(f, 50, true);
  core.task_exited(now, started().at(0), {.lost = true});
  pass(30s);
  // The other one of the first two may still be fine.
  EXPECT_TRUE(started().empty());
  const std::set<TaskId> left = core.function(f)->tasks;
  ASSERT_EQ(left.size(), 1u);
  core.task_exited(now, *left.begin(), {.lost = true});
  pass(30s);
  const TaskId alone = started().at(0);
  core.task_hello(now, alone);
  EXPECT_TRUE(started().empty()) << "its program may fail as the last one's did";
  take(alone);
  EXPECT_EQ(started().size(), limits.launching_max);
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

}  // namespace
}  // namespace ionian::core
