#include "container/requirements.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "container/id_ranges.h"
#include "container/rootfs.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

struct Need {
  int capability;
  const char* name;
};
// The network's is not among them: without it containers have no network, which is no error.
constexpr Need kNeeds[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                           {CAP_SETUID, "CAP_SETUID"},
                           {CAP_SETGID, "CAP_SETGID"},
                           {CAP_CHOWN, "CAP_CHOWN"},
                           {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
                           {CAP_FOWNER, "CAP_FOWNER"},
                           {CAP_KILL, "CAP_KILL"},
                           {CAP_MKNOD, "CAP_MKNOD"},
                           {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
                           {CAP_SETFCAP, "CAP_SETFCAP"}};

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

Result<void> check_capabilities() {
  std::string missing;
  for (const Need& need : kNeeds)
    if (!has_capability(need.capability)) cat_to(missing, missing.empty() ? "" : ", ", need.name);
  if (missing.empty()) return {};
  return fail(Code::kFailedPrecondition, "this root lacks ", missing,
              ", without which containers cannot be made: run the server on the machine itself or "
              "in a privileged container");
}

// A user namespace of its own, as rootless containers have: what it may do ends at its border.
Result<void> check_user_namespace() {
  const Result<std::string> map = read_file("/proc/self/uid_map");
  unsigned inside = 0, outside = 0;
  unsigned long long count = 0;
  if (!map || std::sscanf(map->c_str(), "%u %u %llu", &inside, &outside, &count) != 3) return {};
  if (inside == 0 && outside == 0 && count == 0xFFFF'FFFFull) return {};
  return fail(Code::kFailedPrecondition,
              "this root is one of a user namespace (a rootless container?), not the machine's: "
              "run the server outside of it");
}

Result<void> check_seccomp() {
  const std::uint32_t action = SECCOMP_RET_ERRNO;
  if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) return {};
  return fail(Code::kFailedPrecondition, "this kernel (", kernel_release(),
              ") has no seccomp filters: ", std::strerror(errno),
              ". Use one that is built with CONFIG_SECCOMP_FILTER");
}

Result<void> try_rootfs(const std::string& folder, const IdRange& ids) {
  for (const char* name : {"/lower", "/upper", "/work"}) TRY(make_folders(folder + name));
  const auto open = [&](const char* name) {
    return UniqueFd(::open((folder + name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  };
  const UniqueFd upper = open("/upper"), work = open("/work");
  if (!upper || !work) return sys_fail(cat("open ", folder));
  const auto mounted =
      mount_rootfs({.lowers = {folder + "/lower"}, .upper = upper.get(), .work = work.get()}, ids);
  if (!mounted) return std::unexpected(mounted.error());
  return {};
}

}  // namespace

Result<void> check_rights() {
  if (::geteuid() != 0)
    return fail(Code::kFailedPrecondition,
                "the server makes containers, for which it must be root "
                "(this is user ",
                ::geteuid(), "): start it with sudo, or as a system service");
  TRY(check_user_namespace());
  return check_capabilities();
}

Result<void> check_kernel(const std::string& folder) {
  TRY(check_seccomp());
  IdRangePool pool;
  const Result<IdRange> ids = pool.take();
  if (!ids)
    return fail(Code::kFailedPrecondition, ids.error().message,
                ". Containers need user namespaces: let there be some with `sysctl "
                "user.max_user_namespaces=10000`, and a kernel built with CONFIG_USER_NS");
  const std::string trial = folder + "/trial";
  Result<void> stacked = try_rootfs(trial, *ids);
  TRY(remove_tree(trial));
  if (stacked) return {};
  return fail(Code::kFailedPrecondition, stacked.error().message,
              ". Containers need Linux 6.15 or "
              "later with overlayfs (this is ",
              kernel_release(),
              "), and --data on a file system that can map ids and carry overlays: ext4, xfs or "
              "btrfs");
}

}  // namespace ionian::container
