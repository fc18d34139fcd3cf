#include "container/run_dir.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/file.h"

namespace ionian::container {
namespace {

constexpr const char* kLockName = "lock";

}  // namespace

Result<UniqueFd> lock_run_dir(const std::string& run_dir) {
  TRY(make_folders(run_dir));
  UniqueFd lock(::open(cat(run_dir, "/", kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return sys_fail(cat("open ", run_dir, "/", kLockName));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > deadline)
      return fail(Code::kFailedPrecondition, run_dir, " is in use by another spawner");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

Result<void> empty_run_dir(const std::string& run_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run_dir, error))
    if (entry.path().filename() != kLockName) TRY(remove_tree(entry.path()));
  return {};
}

pid_t remove_beside(const std::vector<std::string>& folders) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::close_range(3, ~0U, 0);
  for (const std::string& folder : folders) (void)remove_tree(folder);
  ::_exit(0);
}

Result<void> leave_mounts_of_host() {
  if (::unshare(CLONE_NEWNS) != 0) return sys_fail("make a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return sys_fail("keep mounts to ourselves");
  return {};
}

}  // namespace ionian::container
