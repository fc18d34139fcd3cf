// `start_bench ROOTFS`: from a task given to the worker to the first byte that its program writes,
// in turns with the same program without any isolation. ROOTFS holds a Python. Needs root. One JSON
// line a case: {"case", "floor", "rounds": [[ms, …], …]}.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>

#include "base/file.h"
#include "base/test_folder.h"
#include "worker/task.pb.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

constexpr int kRounds = 5, kStarts = 30;
const std::vector<std::string> kPython = {"-c", "print('hello')"};

double now_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Without any isolation.
double start_alone(std::string program, std::vector<std::string> words) {
  int fds[2];
  CHECK(::pipe2(fds, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
  std::vector<char*> args = {program.data()};
  for (std::string& word : words) args.push_back(word.data());
  args.push_back(nullptr);
  pid_t pid;
  const double begin = now_ms();
  CHECK(::posix_spawn(&pid, program.c_str(), &actions, nullptr, args.data(), nullptr) == 0);
  ::close(fds[1]);
  char byte;
  // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): it waits for nobody here
  CHECK(::read(fds[0], &byte, 1) == 1);
  const double took = now_ms() - begin;
  ::waitpid(pid, nullptr, 0);
  ::close(fds[0]);
  posix_spawn_file_actions_destroy(&actions);
  return took;
}

// One task at a time: when it spoke first, and that it is over.
class OneTask final : public Events {
 public:
  void started(const TaskId&, UniqueFd) override {}
  void connected(const TaskId&, UniqueFd) override {}
  void output(const TaskId&, int, std::string) override {
    std::lock_guard lock(mutex_);
    if (spoke_ == 0) spoke_ = now_ms();
  }
  void ended(const TaskId& id, const TaskEnd& end) override {
    if (!end.failed_start.empty())
      std::fprintf(stderr, "%s: %s\n", id.str().c_str(), end.failed_start.c_str());
    std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_one();
  }
  double wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_; });
    CHECK(spoke_ != 0);
    over_ = false;
    return std::exchange(spoke_, 0);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  double spoke_ = 0;   // guarded by mutex_
  bool over_ = false;  // guarded by mutex_
};

class Bench {
 public:
  Bench(std::string folder, std::string rootfs)
      : folder_(std::move(folder)), rootfs_(std::move(rootfs)) {
    for (const char* each : {"bin", "proc", "sys", "dev", "etc", "tmp", "__modal"})
      CHECK(make_folders(cat(folder_, "/base/", each)).has_value());
    for (const char* each : {"resolv.conf", "hosts"})
      CHECK(write_file(cat(folder_, "/base/etc/", each), "").has_value());
    std::filesystem::copy_file(TEST_PROBE, cat(folder_, "/base/bin/probe"));
    auto spawner = container::Spawner::start({.executable = TEST_SPAWNER,
                                              .run_dir = cat(folder_, "/run"),
                                              .name = cat("bench-", ::getpid())});
    if (!spawner) {
      std::fprintf(stderr, "%s\n", spawner.error().message.c_str());
      std::exit(1);
    }
    spawner_ = *std::move(spawner);
    worker_.emplace(WorkerOptions{.folder = folder_ + "/tasks"}, *spawner_, task_, clock_);
  }

  void run() {
    TaskSpec probe = spec(folder_ + "/base", {"/bin/probe", "hello"});
    const auto alone = [this] { return start_alone(folder_ + "/base/bin/probe", {"hello"}); };
    in_turns("static program, no network", probe, alone);
    probe.set_network(true);
    in_turns("static program, network", probe, alone);
    probe.set_disk_bytes(std::uint64_t{32} << 30);  // as the server does by default
    in_turns("static program, network, disk bound", probe, alone);
    TaskSpec python = spec(rootfs_, {"python3", kPython[0], kPython[1]});
    python.set_network(true);
    python.set_disk_bytes(std::uint64_t{32} << 30);
    in_turns("Python hello, network, disk bound", python,
             [] { return start_alone("/usr/bin/python3", kPython); });
  }

 private:
  static TaskSpec spec(const std::string& lower, const std::vector<std::string>& command) {
    TaskSpec made;
    made.add_lowers(lower);
    for (const std::string& word : command) made.add_command(word);
    (*made.mutable_env())["PATH"] = "/usr/local/bin:/usr/bin:/bin";
    made.set_arguments("arguments");
    made.set_memory_bytes(256 << 20);
    made.set_cpu_milli(2000);
    return made;
  }

  double start(TaskSpec spec) {
    spec.set_task_id(cat("ta-", ++count_));
    const double begin = now_ms();
    worker_->start(std::move(spec));
    return task_.wait() - begin;
  }

  void in_turns(const char* name, const TaskSpec& spec, const std::function<double()>& alone) {
    start(spec), alone();  // the first one reads files from the disk
    std::string ours, floor;
    for (int round = 0; round < kRounds; ++round) {
      one_round(ours, [&] { return start(spec); });
      one_round(floor, alone);
    }
    std::printf("{\"case\": \"%s\", \"rounds\": [%s], \"floor\": [%s]}\n", name, ours.c_str(),
                floor.c_str());
  }
  static void one_round(std::string& into, const std::function<double()>& once) {
    cat_to(into, into.empty() ? "[" : ", [");
    for (int i = 0; i < kStarts; ++i) cat_to(into, i ? ", " : "", once());
    cat_to(into, "]");
  }

  const std::string folder_, rootfs_;
  std::unique_ptr<container::Spawner> spawner_;
  OneTask task_;
  SystemClock clock_;
  std::optional<Worker> worker_;
  int count_ = 0;
};

}  // namespace
}  // namespace ionian::worker

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: start_bench ROOTFS\n"), 2;
  const ionian::TestFolder folder("start-bench");
  ionian::worker::Bench(folder.path(), argv[1]).run();
}
