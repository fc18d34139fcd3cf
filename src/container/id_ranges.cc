#include "container/id_ranges.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "base/file.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

// Far above the ranges that distributions hand out in /etc/subuid.
constexpr std::uint32_t kFirstBase = 0x4000'0000;
constexpr std::uint32_t kRanges = 8192;

// Nothing if another process of this machine holds the range.
UniqueFd lock_range(std::uint32_t base) {
  UniqueFd lock(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string name = cat("ionian-ids-", base);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const socklen_t length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (lock && ::bind(lock.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) lock.reset();
  return lock;
}

Result<UniqueFd> make_user_namespace(std::uint32_t base) {
  clone_args args{.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  const pid_t pid = sys_clone3(args);
  if (pid < 0) return sys_fail("create a user namespace");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  const auto open_mapped = [&]() -> Result<UniqueFd> {
    TRY(write_id_maps(pid, base));
    UniqueFd userns(::open(cat("/proc/", pid, "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!userns) return sys_fail("open a user namespace");
    return userns;
  };
  Result<UniqueFd> userns = open_mapped();
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return userns;
}

}  // namespace

Result<void> write_id_maps(pid_t pid, std::uint32_t base) {
  const std::string map = cat("0 ", base, " ", kIdsPerRange, "\n");
  TRY(write_file(cat("/proc/", pid, "/uid_map"), map));
  return write_file(cat("/proc/", pid, "/gid_map"), map);
}

Result<IdRange> IdRangePool::make() {
  for (std::uint32_t tried = 0; tried < kRanges; ++tried) {
    IdRange range{.base = kFirstBase + (next_++ % kRanges) * kIdsPerRange};
    range.lock = lock_range(range.base);
    if (!range.lock) continue;
    ASSIGN_OR_RETURN(range.userns, make_user_namespace(range.base));
    return range;
  }
  return fail(Code::kResourceExhausted, "all ", kRanges, " id ranges are taken");
}

Result<IdRange> IdRangePool::take() {
  if (free_.empty()) return make();
  IdRange range = std::move(free_.back());
  free_.pop_back();
  return range;
}

}  // namespace ionian::container
