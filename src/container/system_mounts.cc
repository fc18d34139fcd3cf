// /proc, /dev, /sys and the mounts that were asked for.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "container/contain.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr unsigned kHardened = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// What tells about the host, or about other tenants' keys.
constexpr const char* kMaskedFiles[] = {
    "/proc/kcore",      "/proc/keys",         "/proc/key-users",     "/proc/kallsyms",
    "/proc/modules",    "/proc/timer_list",   "/proc/latency_stats", "/proc/sched_debug",
    "/proc/interrupts", "/proc/sysrq-trigger"};
constexpr const char* kMaskedFolders[] = {"/proc/acpi", "/proc/scsi", "/proc/asound",
                                          "/proc/pressure"};
constexpr const char* kReadOnly[] = {"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs"};

Result<void> mount_at(const char* type, const char* target, unsigned long flags,
                      const std::string& options) {
  if (::mount(type, target, type, flags, options.c_str()) != 0)
    return sys_fail(cat("mount ", target));
  return {};
}

Result<void> make_read_only(const char* path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree && errno == ENOENT) return {};
  mount_attr attributes{.attr_set = MOUNT_ATTR_RDONLY};
  if (!tree ||
      ::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0 ||
      ::move_mount(tree.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return sys_fail(cat("make ", path, " read-only"));
  return {};
}

}  // namespace

Result<void> attach(int mount, const std::string& target) {
  struct stat info{};
  if (::fstat(mount, &info) != 0) return sys_fail(cat("look at the mount for ", target));
  TRY(make_mount_point(target, S_ISDIR(info.st_mode)));
  if (::move_mount(mount, "", AT_FDCWD, target.c_str(),
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) != 0)
    return sys_fail(cat("mount ", target));
  return {};
}

// Before the change of root: the kernel gives a new /proc only to those who see a whole one
// already.
Result<void> mount_proc_outside(int& proc, ProcShows shows) {
  UniqueFd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (context && shows == ProcShows::kOwn &&
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "hidepid", "invisible", 0) != 0)
    return sys_fail("hide others in /proc");
  if (!context || ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return sys_fail("create /proc");
  proc = ::fsmount(context.get(), FSMOUNT_CLOEXEC, kHardened);
  if (proc < 0) return sys_fail("mount /proc");
  return {};
}

Result<void> attach_mounts(const Plan& plan, int proc) {
  TRY(attach(proc, "/proc"));
  for (const MountInto& mount : plan.mounts) TRY(attach(mount.mount, mount.target));
  return {};
}

// What belongs to this container's own namespaces.
Result<void> mount_own(std::uint64_t shm_bytes) {
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  TRY(mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  TRY(mount_at("tmpfs", "/dev/shm", flags,
               shm_bytes ? cat("mode=1777,size=", shm_bytes) : "mode=1777"));
  return mount_at("mqueue", "/dev/mqueue", flags, "");
}

Result<void> mask_proc() {
  for (const char* path : kMaskedFiles)
    if (::mount("/dev/null", path, nullptr, MS_BIND, nullptr) != 0 && errno != ENOENT)
      return sys_fail(cat("hide ", path));
  for (const char* path : kMaskedFolders)
    if (::mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") !=
            0 &&
        errno != ENOENT)
      return sys_fail(cat("hide ", path));
  for (const char* path : kReadOnly) TRY(make_read_only(path));
  return {};
}

}  // namespace ionian::container
