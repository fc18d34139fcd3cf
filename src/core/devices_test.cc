#include "core/devices.h"

#include "core/test_core.h"

namespace ionian::core {
namespace {

class DevicesTest : public CoreTest {
 protected:
  DevicesTest() { core.offer_devices({{"0", "H100"}, {"1", "H100"}, {"2", "A100-80GB"}}); }
  FunctionId on_gpu(const std::string& name, std::vector<GpuWish> gpus) {
    return function(name, [&](FunctionConfig& c) { c.gpus = gpus; });
  }
  const std::vector<std::string>& devices(const TaskId& task) { return core.task(task)->devices; }
};

using Names = std::vector<std::string>;

TEST_F(DevicesTest, ADeviceIsGivenToOneContainerAtATime) {
  const FunctionId f = on_gpu("f", {{"H100", 1}});
  call(f, 3);
  const std::vector<TaskId> tasks = started();
  ASSERT_EQ(tasks.size(), 2u);
  const TaskId first = tasks[0], second = tasks[1];
  take(first);
  take(second);
  EXPECT_EQ(devices(first), Names{"0"});
  EXPECT_EQ(devices(second), Names{"1"});
  EXPECT_TRUE(started().empty());
  core.task_exited(now, first, {.exit_code = 1});
  pass(1min);
  const auto third = started();
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(devices(third[0]), Names{"0"});
}

TEST_F(DevicesTest, CountsAndAlternatives) {
  const FunctionId both = on_gpu("both", {{"H100", 2}});
  const FunctionId either = on_gpu("either", {{"H100", 1}, {"A100", 1}});
  call(both, 1);
  EXPECT_EQ(devices(started().at(0)), (Names{"0", "1"}));
  call(either, 1);
  EXPECT_EQ(devices(started().at(0)), Names{"2"});
}

TEST_F(DevicesTest, AnIdleContainerGivesItsDeviceUpToInputsThatWait) {
  const FunctionId idle = on_gpu("idle", {{"A100", 1}}), waits = on_gpu("waits", {{"ANY", 3}});
  call(idle, 1);
  const TaskId task = started().at(0);
  const auto inputs = take(task);
  put(task, inputs.at(0), Outcome::kSuccess);
  EXPECT_TRUE(take(task).empty());
  call(waits, 1);
  EXPECT_TRUE(started().empty());
  EXPECT_EQ(core.task(task)->state, TaskState::kStopping);
  core.task_exited(now, task, {});
  EXPECT_EQ(devices(started().at(0)).size(), 3u);
}

TEST_F(DevicesTest, InputsThatWaitGetTheDeviceOfAContainerThatBecomesIdleLater) {
  const FunctionId works = on_gpu("works", {{"A100", 1}}), waits = on_gpu("waits", {{"A100", 1}});
  call(works, 1);
  const TaskId task = started().at(0);
  const auto inputs = take(task);
  call(waits, 1);
  EXPECT_TRUE(started().empty());
  put(task, inputs.at(0), Outcome::kSuccess);
  EXPECT_TRUE(take(task).empty());
  EXPECT_EQ(core.task(task)->state, TaskState::kStopping);
  core.task_exited(now, task, {});
  EXPECT_EQ(devices(started().at(0)), Names{"2"});
}

TEST_F(DevicesTest, WhatNeedsNoDeviceDoesNotWaitForOne) {
  call(on_gpu("gpu", {{"ANY", 3}}), 2);
  EXPECT_EQ(started().size(), 1u);
  call(function("plain"), 1);
  EXPECT_EQ(devices(started().at(0)), Names{});
}

TEST(Devices, TypesAndWhatTheMachineHas) {
  Devices devices;
  EXPECT_EQ(devices.text(), "no GPU");
  devices.offer({{"0", "H100"}, {"1", "L40S"}, {"2", "H100"}, {"3", "A100-40GB"}});
  EXPECT_EQ(devices.text(), "1 × A100-40GB, 2 × H100, 1 × L40S");
  EXPECT_TRUE(devices.has({"H100!", 2}));
  EXPECT_FALSE(devices.has({"H100", 3}));
  EXPECT_FALSE(devices.has({"L4", 1}));
  EXPECT_TRUE(devices.has({"A100", 1}));
  EXPECT_FALSE(devices.has({"A100-80GB", 1}));
  EXPECT_TRUE(devices.has({"ANY", 4}));
}

}  // namespace
}  // namespace ionian::core
