// However many tasks have come and gone, nothing of them is left. IONIAN_LEAK_TASKS says how many;
// `make test-all` runs ten thousand.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <sstream>

#include "container/network_fixture.h"
#include "images/subprocess.h"
#include "worker/task.pb.h"
#include "worker/worker.h"

namespace ionian::worker {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(IONIAN_THREAD_SANITIZER)
constexpr bool kMemoryIsOurs = false;  // a sanitizer keeps what was freed
#else
constexpr bool kMemoryIsOurs = true;
#endif

int tasks_wanted() {
  const char* set = std::getenv("IONIAN_LEAK_TASKS");
  int tasks = 500;
  if (set) std::from_chars(set, set + std::string_view(set).size(), tasks);
  return tasks;
}

std::int64_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

std::int64_t entries(const std::string& folder) {
  std::int64_t found = 0;
  std::error_code error;  // entries vanish while they are counted
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    ++found;
  return found;
}

// At most `kAtOnce` tasks live; the next one waits for an end.
class Ends final : public Events {
 public:
  static constexpr int kAtOnce = 8;

  void started(const TaskId& id, UniqueFd) override {
    if (on_start) on_start(id);
  }
  void output(const TaskId&, int, std::string text) override {
    std::lock_guard lock(mutex_);
    printed_ += static_cast<std::int64_t>(text.size());
  }
  void ended(const TaskId&, const TaskEnd& end) override {
    std::lock_guard lock(mutex_);
    --living_;
    ++(end.failed_start.empty() ? ran_ : failed_);
    changed_.notify_all();
  }
  void connected(const TaskId&, UniqueFd) override {}

  void one_more() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return living_ < kAtOnce; });
    ++living_;
  }
  void wait_for_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return living_ == 0; });
  }
  std::int64_t ran() const { return ran_; }
  std::int64_t failed() const { return failed_; }
  std::int64_t printed() const { return printed_; }

  std::function<void(const TaskId&)> on_start;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int living_ = 0;                                   // guarded by mutex_
  std::int64_t ran_ = 0, failed_ = 0, printed_ = 0;  // guarded by mutex_
};

class LeakTest : public container::NetworkFixture {
 protected:
  using Counts = std::map<std::string, std::int64_t>;

  void SetUp() override {
    NetworkFixture::SetUp();
    worker_ = std::make_unique<Worker>(WorkerOptions{.folder = folder_ + "/tasks"}, *spawner_,
                                       ends_, clock_);
    ends_.on_start = [this](const TaskId& id) {
      if (id.str().ends_with("-pause")) worker_->kill(id);
    };
  }
  void TearDown() override {
    worker_.reset();
    NetworkFixture::TearDown();
  }

  // Every kind in turn: with and without network, bounds, a program that is missing, one that is
  // killed as soon as it runs.
  TaskSpec task(int n) {
    TaskSpec made;
    made.set_task_id(cat("ta-", n, n % 10 == 3 ? "-pause" : ""));
    made.add_lowers(folder_ + "/base");
    made.add_command(n % 10 == 1 ? "/missing" : "/bin/probe");
    made.add_command(n % 10 == 3 ? "pause" : "hello");
    made.set_arguments(std::string(100, 'a'));
    made.set_network(n % 2 == 0);
    made.set_memory_bytes(64 << 20);
    made.set_cpu_milli(1000);
    if (n % 10 == 5) made.set_disk_bytes(16 << 20);
    return made;
  }
  void run(int tasks) {
    for (int i = 0; i < tasks; ++i) {
      ends_.one_more();
      worker_->start(task(next_++));
    }
    ends_.wait_for_all();
  }

  // The spawner and all below it.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> found = {spawner_->pid()};
    for (std::size_t i = 0; i < found.size(); ++i) {
      std::error_code error;
      for (const auto& thread : fs::directory_iterator(cat("/proc/", found[i], "/task"), error)) {
        std::istringstream children(read_file(thread.path().string() + "/children").value_or(""));
        for (pid_t child; children >> child;) found.push_back(child);
      }
    }
    return found;
  }
  std::int64_t namespaces() const {
    std::set<std::string> found;
    for (const pid_t pid : processes()) {
      std::error_code error;
      for (const auto& one : fs::directory_iterator(cat("/proc/", pid, "/ns"), error))
        found.insert(fs::read_symlink(one, error).string());
    }
    return static_cast<std::int64_t>(found.size());
  }
  std::int64_t groups() const {
    std::int64_t found = 0;
    for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup")) {
      const auto ours = hierarchy.path() / cat("ionian-", name_);
      std::error_code error;
      for (fs::recursive_directory_iterator each(ours, error), end; !error && each != end;
           each.increment(error))
        found += each->is_directory(error);
    }
    return found;
  }
  // Those that name our folder, by where they are or what they show: other tests mount disks.
  std::int64_t mounts(const std::string& process) const {
    std::int64_t found = 0;
    std::istringstream all(read_file(process + "/mountinfo").value_or(""));
    for (std::string line; std::getline(all, line);)
      found += line.find(fs::path(folder_).filename()) != std::string::npos;
    return found;
  }
  std::int64_t loop_devices() const {
    std::int64_t found = 0;
    for (const auto& device : fs::directory_iterator("/sys/block"))
      found +=
          read_file(device.path().string() + "/loop/backing_file").value_or("").find(folder_) !=
          std::string::npos;
    return found;
  }
  static std::int64_t rules() {
    const auto listed = images::run_or_fail("list rules", {.args = {"nft", "list", "ruleset"}});
    EXPECT_TRUE(listed.has_value());
    return listed ? lines(listed->out) : 0;
  }
  Counts counts() const {
    const std::string spawner = cat("/proc/", spawner_->pid());
    return {{"descriptors of the server", entries("/proc/self/fd")},
            {"descriptors of the spawner", entries(spawner + "/fd")},
            {"processes", static_cast<std::int64_t>(processes().size())},
            {"threads of the server", entries("/proc/self/task")},
            {"mounts of the spawner", mounts(spawner)},
            {"mounts of the host", mounts("/proc/self")},
            {"namespaces", namespaces()},
            {"control groups", groups()},
            {"interfaces", lines(*read_file("/proc/net/dev"))},
            {"rules", rules()},
            {"loop devices", loop_devices()},
            {"files", entries(folder_ + "/run") + entries(folder_ + "/tasks")}};
  }
  // Pools fill up, folders are removed and dead namespaces vanish a little later than their tasks
  // end: the counts once they are at most `bound`, or as they are after 30 s.
  Counts settled(const Counts& bound) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    Counts now = counts();
    const auto fits = [&] {
      return std::ranges::all_of(
          now, [&](const auto& one) { return one.second <= bound.at(one.first); });
    };
    while (!fits() && std::chrono::steady_clock::now() < deadline) {
      ::poll(nullptr, 0, 20);
      now = counts();
    }
    return now;
  }
  // What it is once it stays the same.
  Counts at_rest() const {
    Counts last = counts();
    for (int same = 0, tries = 0; same < 25 && tries < 1000; ++same, ++tries) {
      ::poll(nullptr, 0, 20);
      if (Counts now = counts(); now != last) last = std::move(now), same = 0;
    }
    return last;
  }
  static std::int64_t resident_kib(pid_t pid) {
    const std::string status = read_file(cat("/proc/", pid, "/status")).value_or("");
    const std::size_t at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : std::stoll(status.substr(at + 6));
  }

  Ends ends_;
  SystemClock clock_;
  std::unique_ptr<Worker> worker_;
  int next_ = 0;
};

TEST_F(LeakTest, ManyTasksLeaveNothing) {
  run(100);
  Counts before = at_rest();
  // It keeps free id ranges and networks for as many containers as there were at once.
  before.at("descriptors of the spawner") += 2 * Ends::kAtOnce;
  const std::int64_t ours = resident_kib(::getpid()), spawners = resident_kib(spawner_->pid());

  const int tasks = tasks_wanted();
  run(tasks);
  if (container::kForksAreOurs) {
    EXPECT_EQ(ends_.failed(), (tasks + 100) / 10);
    EXPECT_EQ(ends_.ran(), tasks + 100 - (tasks + 100) / 10);
  }
  EXPECT_GE(ends_.printed(), tasks / 2);
  const Counts after = settled(before);
  for (const auto& [what, count] : before) EXPECT_LE(after.at(what), count) << what;
  if (!kMemoryIsOurs) return;
  EXPECT_LE(resident_kib(::getpid()), ours + 8192) << "KiB of memory of the server";
  EXPECT_LE(resident_kib(spawner_->pid()), spawners + 4096) << "KiB of memory of the spawner";
}

}  // namespace
}  // namespace ionian::worker
