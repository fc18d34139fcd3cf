// How apps live and end.
#include "core/test_core.h"

namespace ionian::core {
namespace {

TEST_F(CoreTest, StoppingAnAppEndsItsInputsAndContainers) {
  const CallId id = call(function("f", [](FunctionConfig& c) { c.max_containers = 1; }), 2);
  const TaskId task = started().at(0);
  const InputId running = take(task).at(0);
  core.stop_app(now, app);
  EXPECT_EQ(core.call(id)->done, 1u);
  EXPECT_TRUE(core.should_stop(task));
  EXPECT_TRUE(ended.empty());
  core.task_exited(now, task, {.signal = 15});
  EXPECT_EQ(core.input(running)->result.outcome, Outcome::kTerminated);
  started();
  EXPECT_EQ(ended, std::vector{app});
}

TEST_F(CoreTest, AStoppedAppIsReadableForAWhileAndThenGone) {
  const CallId id = call(function("f"), 1);
  core.stop_app(now, app);
  core.task_exited(now, started().at(0), {.signal = 15});
  EXPECT_EQ(
      core.start_call(now, {.function = FunctionId("fu-f"), .workspace = workspace}).error().code,
      Code::kFailedPrecondition);
  pass(limits.keep_stopped_app - 1s);
  EXPECT_NE(core.call(id), nullptr);
  pass(1s);
  EXPECT_EQ(core.app(app), nullptr);
  EXPECT_EQ(core.live_inputs(), 0u);
  EXPECT_EQ(core.live_bytes(), 0u);
  EXPECT_EQ(core.next_tick(), std::nullopt);
}

TEST_F(CoreTest, AnEphemeralAppEndsWhenItsClientIsSilent) {
  const AppId id("ap-2");
  core.add_app(now, {.id = id, .workspace = workspace});
  pass(limits.app_heartbeat_timeout);
  EXPECT_TRUE(core.heartbeat_app(now, id));
  pass(limits.app_heartbeat_timeout);
  EXPECT_FALSE(core.app(id)->stopping);
  pass(1s);
  EXPECT_TRUE(core.app(id)->stopping);
  EXPECT_EQ(core.heartbeat_app(now, id).error().code, Code::kFailedPrecondition);
}

// With an input that runs, and a client that says nothing more.
class DetachedAppTest : public CoreTest {
 protected:
  void SetUp() override {
    core.add_app(now, {.id = id, .workspace = workspace, .ephemeral = false, .detached = true});
    core.define_function(now, {.id = FunctionId("fu-2"), .app = id, .workspace = workspace});
    call(FunctionId("fu-2"), 1);
    task = started().at(0);
    input = take(task).at(0);
  }
  void expect_that_it_runs_until_its_last_input() {
    pass(limits.app_heartbeat_timeout * 2);
    EXPECT_FALSE(core.app(id)->stopping);
    put(task, input, Outcome::kSuccess);
    core.tick(now);
    EXPECT_TRUE(core.app(id)->stopping);
  }

  const AppId id{"ap-2"};
  TaskId task;
  InputId input;
};

TEST_F(DetachedAppTest, ADetachedAppOutlivesItsClientUntilItsLastInput) {
  core.disconnect_app(now, id);
  expect_that_it_runs_until_its_last_input();
}

TEST_F(DetachedAppTest, ADetachedAppWhoseClientIsSilentRunsOnUntilItsLastInput) {
  expect_that_it_runs_until_its_last_input();
}

TEST_F(CoreTest, AKeptAppNeedsNoClient) {
  const AppId id("ap-2");
  core.add_app(now, {.id = id, .workspace = workspace});
  core.keep_app(id);
  core.disconnect_app(now, id);
  pass(24h);
  EXPECT_FALSE(core.app(id)->stopping);
}

}  // namespace
TEST_F(CoreTest, AVariantThatIdlesIsForgottenAndOneThatIsNeededIsNot) {
  const auto variant = [](FunctionConfig& c) { c.variant = true; };
  const FunctionId idle = function("idle", variant), used = function("used", variant);
  const FunctionId warm = function("warm", [](FunctionConfig& c) {
    c.variant = true;
    c.min_containers = 1;
  });
  const FunctionId plain = function("plain");
  const CallId id = call(used, 1, /*asynchronous=*/true);
  pass(2 * limits.look_at_variant);
  EXPECT_EQ(core.function(idle), nullptr);
  EXPECT_FALSE(core.app(app)->functions.contains(idle));
  EXPECT_NE(core.function(warm), nullptr);
  EXPECT_NE(core.function(plain), nullptr);
  ASSERT_NE(core.function(used), nullptr);
  core.cancel_call(now, id, /*kill_containers=*/false);
  for (const InputId& input : to_keep()) core.output_kept(now, input);
  for (const TaskId& task : started()) core.task_exited(now, task, {});
  pass(3 * limits.look_at_variant);
  EXPECT_EQ(core.function(used), nullptr);
}

TEST_F(CoreTest, AVariantComesBackWhenItIsDefinedAgainAndNotForAChange) {
  FunctionConfig config{.id = FunctionId("fu-v"), .app = app, .workspace = workspace};
  config.variant = true;
  core.redefine_function(now, config);
  EXPECT_EQ(core.function(config.id), nullptr);
  core.define_function(now, config);
  pass(2 * limits.look_at_variant);
  EXPECT_EQ(core.function(config.id), nullptr);
  core.define_function(now, config);
  call(config.id, 1);
  EXPECT_EQ(started().size(), 1u);
  config.max_containers = 7;
  core.redefine_function(now, config);
  EXPECT_EQ(core.function(config.id)->config.max_containers, 7u);
}

}  // namespace ionian::core
