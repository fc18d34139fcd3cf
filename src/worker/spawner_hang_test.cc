// A spawner that stands still for ever.
#include <condition_variable>
#include <csignal>
#include <mutex>

#include "container/jail_fixture.h"
#include "worker/task.pb.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

class Ends final : public Events {
 public:
  void started(const TaskId&, UniqueFd) override {}
  void output(const TaskId&, int, std::string) override {}
  void connected(const TaskId&, UniqueFd) override {}
  void ended(const TaskId&, const TaskEnd& end) override {
    std::lock_guard lock(mutex_);
    ends_.push_back(end);
    changed_.notify_all();
  }
  // The next `count` of them.
  std::vector<TaskEnd> next(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 60s, [&] { return ends_.size() >= count; });
    return std::exchange(ends_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TaskEnd> ends_;  // guarded by mutex_
};

class SpawnerHangTest : public container::JailFixture {
 protected:
  void SetUp() override {
    JailFixture::SetUp();
    worker_ = std::make_unique<Worker>(
        WorkerOptions{.folder = folder_ + "/tasks", .spawner_silence = 400ms}, *spawner_, ends_,
        clock_);
  }
  void TearDown() override {
    worker_.reset();
    JailFixture::TearDown();
  }
  void start(const char* what) {
    TaskSpec made;
    made.set_task_id(cat("ta-", ++count_));
    made.add_lowers(folder_ + "/base");
    made.add_command("/bin/probe");
    made.add_command(what);
    worker_->start(std::move(made));
  }

  Ends ends_;
  SystemClock clock_;
  std::unique_ptr<Worker> worker_;
};

// More is asked of it than a socket holds.
TEST_F(SpawnerHangTest, ItsTasksAreLostAndAnotherOneTakesItsPlace) {
  constexpr int kTasks = 400;
  ASSERT_EQ(::kill(spawner_->pid(), SIGSTOP), 0);
  const pid_t first = spawner_->pid();
  for (int i = 0; i < kTasks; ++i) start("hello");
  const std::vector<TaskEnd> lost = ends_.next(kTasks);
  EXPECT_EQ(lost.size(), kTasks);
  for (const TaskEnd& end : lost) EXPECT_TRUE(end.lost);
  start("hello");
  const std::vector<TaskEnd> ran = ends_.next(1);
  ASSERT_EQ(ran.size(), 1u);
  EXPECT_EQ(ran[0].exit_code, 0);
  EXPECT_FALSE(ran[0].lost);
  EXPECT_NE(spawner_->pid(), first);
}

}  // namespace
}  // namespace ionian::worker
