#include "container/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr const char* kControllers[] = {"memory", "pids", "cpu"};
enum : std::size_t { kMemory, kPids, kCpu };  // of kControllers
constexpr std::uint32_t kCpuPeriodUs = 100'000;
constexpr std::uint32_t kLeastCpuQuotaUs = 1'000;  // the kernel refuses less
constexpr std::uint64_t kUsualCpuMilli = 125;      // what a function asks for that says nothing

bool is_v2(const std::string& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

// The number behind `key` in a file of "key number" lines, or the number that is the file (empty
// key).
std::uint64_t read_number(const std::string& path, std::string_view key) {
  const Result<std::string> text = read_file(path);
  if (!text) return 0;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!key.empty() && !line.starts_with(cat(key, " "))) continue;
    const std::string number(line.substr(key.empty() ? 0 : key.size() + 1));
    return std::strtoull(number.c_str(), nullptr, 10);
  }
  return 0;
}

Result<void> make_group(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return sys_fail(cat("mkdir ", path));
  return {};
}

// Every version 1 hierarchy is a folder of its own; an alias (cpu -> cpu,cpuacct) leads to the same
// one.
std::vector<std::string> folders_of(const std::string& name) {
  std::vector<std::string> found;
  std::error_code error;
  const std::string group = cat("ionian-", name);
  if (is_v2(kRoot)) found.push_back(cat(kRoot, "/", group));
  for (const auto& entry : std::filesystem::directory_iterator(kRoot, error))
    if (entry.is_directory(error) && !is_v2(kRoot)) found.push_back(entry.path() / group);
  std::erase_if(found, [&](const std::string& path) { return ::access(path.c_str(), F_OK) != 0; });
  return found;
}

// Sends SIGKILL to each process of the group and those below, and returns a pidfd of each.
std::vector<UniqueFd> kill_all(const std::string& folder) {
  std::vector<UniqueFd> killed;
  std::error_code error;
  std::vector<std::string> groups = {folder};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error))
    if (entry.is_directory(error)) groups.push_back(entry.path());
  for (const std::string& group : groups) {
    const Result<std::string> pids = read_file(group + "/cgroup.procs");
    if (!pids) continue;
    for (std::size_t at = 0; at < pids->size(); at = pids->find('\n', at) + 1) {
      UniqueFd pidfd(sys_pidfd_open(std::atoi(pids->c_str() + at)));
      if (pidfd && sys_pidfd_signal(pidfd.get(), SIGKILL) == 0) killed.push_back(std::move(pidfd));
    }
  }
  return killed;
}

bool remove_groups(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_directory(error)) remove_groups(entry.path());
  return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

bool Cgroup::oom_killed() const {
  return read_number(memory_folder + "/memory.events", "oom_kill") > 0 ||
         read_number(memory_folder + "/memory.oom_control", "oom_kill") > 0;
}

std::uint64_t Cgroup::peak_memory_bytes() const {
  const std::uint64_t v2 = read_number(memory_folder + "/memory.peak", "");
  return v2 ? v2 : read_number(memory_folder + "/memory.max_usage_in_bytes", "");
}

Result<CgroupTree> CgroupTree::open(const std::string& name) {
  CgroupTree tree;
  const std::string group = cat("ionian-", name);
  tree.pure_v2_ = is_v2(kRoot);
  if (tree.pure_v2_) {
    tree.v2_ = cat(kRoot, "/", group);
    // The root hands its controllers down on every common system; where it does not yet, we may ask
    // it to.
    (void)write_file(cat(kRoot, "/cgroup.subtree_control"), "+memory +pids +cpu");
    TRY(make_group(tree.v2_));
    TRY(write_file(tree.v2_ + "/cgroup.subtree_control", "+memory +pids +cpu"));
    return tree;
  }
  for (const char* controller : kControllers) {
    const std::string mount = cat(kRoot, "/", controller);
    if (::access(cat(mount, "/tasks").c_str(), F_OK) != 0)
      return fail(Code::kFailedPrecondition, "the cgroup controller ", controller,
                  " is not mounted at ", mount);
    tree.v1_.push_back(cat(mount, "/", group));
    TRY(make_group(tree.v1_.back()));
  }
  return tree;
}

Result<void> CgroupTree::remove_orphans(const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (const std::string& folder : folders_of(name)) {
    while (!remove_groups(folder)) {
      if (std::chrono::steady_clock::now() > deadline)
        return fail(Code::kDeadlineExceeded, folder, " still has processes 10 s after their kill");
      for (const UniqueFd& process : kill_all(folder)) {
        pollfd end{.fd = process.get(), .events = POLLIN};
        ::poll(&end, 1, 1000);
      }
    }
  }
  return {};
}

Result<void> CgroupTree::set(const Cgroup& group, std::size_t controller, const char* v1,
                             const char* v2, const std::string& value) const {
  const std::string& folder = group.folders[pure_v2_ ? 0 : controller];
  return write_file(cat(folder, "/", pure_v2_ ? v2 : v1), value);
}

Result<void> CgroupTree::limit(const Cgroup& group, const CgroupLimits& limits) const {
  if (limits.memory_bytes) {
    const std::string bytes = cat(limits.memory_bytes);
    TRY(set(group, kMemory, "memory.limit_in_bytes", "memory.max", bytes));
    // Both files are absent where the kernel does not account for swap.
    (void)set(group, kMemory, "memory.memsw.limit_in_bytes", "memory.swap.max",
              pure_v2_ ? "0" : bytes);
  }
  if (limits.pids_max) TRY(set(group, kPids, "pids.max", "pids.max", cat(limits.pids_max)));
  if (limits.cpu_milli) {
    const std::uint32_t quota_us =
        std::max(limits.cpu_milli * (kCpuPeriodUs / 1000), kLeastCpuQuotaUs);
    TRY(set(group, kCpu, "cpu.cfs_quota_us", "cpu.max",
            pure_v2_ ? cat(quota_us, " ", kCpuPeriodUs) : cat(quota_us)));
  }
  // A wish, which a kernel without version 1's limits of memory does not hear.
  if (limits.asked_memory_bytes)
    (void)set(group, kMemory, "memory.soft_limit_in_bytes", "memory.low",
              cat(limits.asked_memory_bytes));
  return set_share(group, limits);
}

Result<void> CgroupTree::set_share(const Cgroup& group, const CgroupLimits& limits) const {
  std::uint64_t milli = limits.asked_cpu_milli ? limits.asked_cpu_milli : kUsualCpuMilli;
  if (limits.background) milli = 1;
  // In the kernel's units, where a group that nobody has set anything for has a whole core's.
  const std::uint64_t share = pure_v2_ ? std::clamp<std::uint64_t>(milli / 10, 1, 10'000)
                                       : std::clamp<std::uint64_t>(milli * 1024 / 1000, 2, 262'144);
  return set(group, kCpu, "cpu.shares", "cpu.weight", cat(share));
}

Result<void> CgroupTree::change(const Cgroup& group, const CgroupLimits& limits) const {
  const char* none = pure_v2_ ? "max" : "-1";
  // Version 1 keeps the one below the other at all times, so which goes first depends on both.
  if (!pure_v2_) (void)set(group, kMemory, "memory.memsw.limit_in_bytes", "", none);
  if (!limits.memory_bytes) TRY(set(group, kMemory, "memory.limit_in_bytes", "memory.max", none));
  if (!limits.cpu_milli) TRY(set(group, kCpu, "cpu.cfs_quota_us", "cpu.max", none));
  if (!limits.asked_memory_bytes)
    (void)set(group, kMemory, "memory.soft_limit_in_bytes", "memory.low", pure_v2_ ? "0" : none);
  return limit(group, limits);
}

Result<Cgroup> CgroupTree::create(const std::string& id, const CgroupLimits& limits) const {
  Cgroup group;
  for (const std::string& parent : v1_) group.folders.push_back(cat(parent, "/", id));
  if (!v2_.empty()) group.folders.push_back(cat(v2_, "/", id));
  group.memory_folder = group.folders.front();
  const auto fill = [&]() -> Result<void> {
    for (const std::string& folder : group.folders) TRY(make_group(folder));
    TRY(limit(group, limits));
    ASSIGN_OR_RETURN(static_cast<CgroupDoor&>(group), open_door(group));
    return {};
  };
  if (Result<void> done = fill(); !done) {
    remove(group);
    return std::unexpected(done.error());
  }
  return group;
}

Result<CgroupDoor> CgroupTree::open_door(const Cgroup& group) const {
  CgroupDoor door;
  for (std::size_t i = 0; i < v1_.size(); ++i) {
    door.v1_tasks.emplace_back(::open((group.folders[i] + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (!door.v1_tasks.back()) return sys_fail(cat("open ", group.folders[i], "/tasks"));
  }
  if (v2_.empty()) return door;
  door.v2.reset(::open(group.folders.back().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!door.v2) return sys_fail(cat("open ", group.folders.back()));
  return door;
}

bool CgroupTree::remove(const Cgroup& group) {
  bool gone = true;
  for (const std::string& folder : group.folders)
    if (::rmdir(folder.c_str()) != 0 && errno != ENOENT) gone = false;
  return gone;
}

}  // namespace ionian::container
