// What root may do inside: Docker's default without raw sockets, device nodes and audit messages.
// apt, dpkg, chown, su and ports below 1024 need these. None of them counts outside the container's
// own user namespace.
#include <linux/capability.h>
#include <sys/prctl.h>

#include "container/contain.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr int kKept[] = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,          CAP_FSETID,
                         CAP_KILL,    CAP_SETGID,       CAP_SETUID,          CAP_SETPCAP,
                         CAP_SETFCAP, CAP_SYS_CHROOT,   CAP_NET_BIND_SERVICE};

constexpr std::uint64_t kept_mask() {
  std::uint64_t mask = 0;
  for (const int capability : kKept) mask |= std::uint64_t{1} << capability;
  return mask;
}

}  // namespace

std::uint64_t kept_capabilities() { return kept_mask(); }

bool capability_exists(int capability) {
  return ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
}

Result<void> drop_capabilities(Keep keep) {
  const std::uint64_t kept = keep == Keep::kNothing ? 0 : kept_mask();
  for (int capability = 0; capability < 64; ++capability) {
    if (kept >> capability & 1) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (!capability_exists(capability)) break;
    return sys_fail("drop a capability");
  }
  // Its change of ids takes those that it has.
  if (keep == Keep::kNothing) return {};
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half)
    data[half].effective = data[half].permitted = static_cast<std::uint32_t>(kept >> (32 * half));
  if (::syscall(SYS_capset, &header, data) != 0) return sys_fail("set capabilities");
  return {};
}

}  // namespace ionian::container
