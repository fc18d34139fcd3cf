// Output for which there is no room.
#include <condition_variable>
#include <map>
#include <mutex>

#include "container/jail_fixture.h"
#include "worker/task.pb.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

class Printed final : public Events {
 public:
  void started(const TaskId&, UniqueFd) override {}
  void connected(const TaskId&, UniqueFd) override {}
  void output(const TaskId& task, int, std::string text) override {
    std::lock_guard lock(mutex_);
    bytes_[task] += text.size();
  }
  void ended(const TaskId& task, const TaskEnd&) override {
    std::lock_guard lock(mutex_);
    ended_.insert(task);
    changed_.notify_all();
  }
  bool end_of(const char* task) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return ended_.contains(TaskId(task)); });
  }
  bool has_ended(const char* task) {
    std::lock_guard lock(mutex_);
    return ended_.contains(TaskId(task));
  }
  std::size_t bytes_of(const char* task) {
    std::lock_guard lock(mutex_);
    return bytes_[TaskId(task)];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<TaskId, std::size_t> bytes_;  // guarded by mutex_
  std::set<TaskId> ended_;               // guarded by mutex_
};

class OutputsTest : public container::JailFixture {
 protected:
  void SetUp() override {
    JailFixture::SetUp();
    worker_ =
        std::make_unique<Worker>(WorkerOptions{.folder = folder_ + "/tasks",
                                               .output_waits = [this] { return waits_.load(); }},
                                 *spawner_, printed_, clock_);
  }
  void TearDown() override {
    worker_.reset();
    JailFixture::TearDown();
  }
  void start(const char* id, std::vector<std::string> words) {
    TaskSpec made;
    made.set_task_id(id);
    made.add_lowers(folder_ + "/base");
    made.add_command("/bin/probe");
    for (std::string& word : words) made.add_command(std::move(word));
    worker_->start(std::move(made));
  }

  std::atomic<bool> waits_ = true;
  Printed printed_;
  SystemClock clock_;
  std::unique_ptr<Worker> worker_;
};

// A pipe holds 64 KiB.
TEST_F(OutputsTest, WhatFindsNoRoomWaitsInThePipeAndComesWhole) {
  start("ta-much", {"fill", "/proc/self/fd/1", "4"});
  start("ta-little", {"hello"});
  EXPECT_TRUE(printed_.end_of("ta-little"));
  EXPECT_EQ(printed_.bytes_of("ta-little"), 6u) << "what is left at its end is bounded, and comes";
  EXPECT_EQ(printed_.bytes_of("ta-much"), 0u);
  EXPECT_FALSE(printed_.has_ended("ta-much"));
  waits_ = false;
  EXPECT_TRUE(printed_.end_of("ta-much"));
  EXPECT_GE(printed_.bytes_of("ta-much"), 4u << 20);
}

}  // namespace
}  // namespace ionian::worker
