#include "container/contain.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <csignal>

#include "base/core_files.h"
#include "base/file.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr std::size_t kListBytesMax = 4 << 20;

}  // namespace

Result<void> wait_for_spawner(const Plan& plan) {
  char byte;
  if (::read(plan.maps_written, &byte, 1) != 1)
    return fail(Code::kUnavailable, "the spawner gave up on this container");
  return {};
}

// By "0" to the group's own `tasks`: a write to cgroup.procs waits 8 ms for the kernel.
Result<void> join_cgroups(const Plan& plan) {
  for (const int tasks : plan.v1_tasks)
    if (::write(tasks, "0", 1) != 1) return sys_fail("join a cgroup");
  // Only now, so that /proc/self/cgroup shows the container's own groups as roots.
  if (::unshare(CLONE_NEWCGROUP) != 0) return sys_fail("make a cgroup namespace");
  // When the machine runs out of memory, a container goes before any process of the host.
  (void)write_file("/proc/self/oom_score_adj", "500");
  return {};
}

namespace {

Result<void> set_hostname(const ContainerSpec& spec) {
  const std::string name = (spec.hostname().empty() ? spec.id() : spec.hostname()).substr(0, 63);
  if (::sethostname(name.data(), name.size()) != 0) return sys_fail("set the host name");
  return {};
}

Result<void> enter_root(const Plan& plan) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return sys_fail("make mounts private");
  // By the working folder: no path of the host can be walked with the ids of this container.
  if (::move_mount(plan.rootfs, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return sys_fail("attach the root file system");
  if (::fchdir(plan.rootfs) != 0) return sys_fail("enter the root file system");
  if (sys_pivot_root(".", ".") != 0) return sys_fail("change the root");
  if (::umount2(".", MNT_DETACH) != 0) return sys_fail("leave the old root");
  if (::chdir("/") != 0) return sys_fail("enter the new root");
  return {};
}

// A list of users may be anything that an image holds: a pipe must not hold up, a terabyte not
// fill.
Result<std::string> read_list(const char* path) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return std::string();
  return read_file(fd_path(file.get()), kListBytesMax);
}

const char* workdir_of(const ContainerSpec& spec) {
  return spec.workdir().empty() ? "/" : spec.workdir().c_str();
}

Result<void> set_up(const Plan& plan, User& user) {
  TRY(wait_for_spawner(plan));
  TRY(join_cgroups(plan));
  TRY(become_root());
  TRY(tie_to_spawner());
  TRY(enter_file_system(plan, ProcShows::kAll));
  ASSIGN_OR_RETURN(user, look_up_user(plan.spec->user()));
  TRY(give_pipes(plan.stdio, user));
  TRY(write_files(*plan.spec, user));
  TRY(enter_workdir(*plan.spec));
  return give_up_rights(*plan.spec, *plan.seccomp, Keep::kCapabilitiesOfRoot);
}

}  // namespace

Result<void> enter_file_system(const Plan& plan, ProcShows shows) {
  TRY(set_hostname(*plan.spec));
  int proc = -1;
  TRY(mount_proc_outside(proc, shows));
  TRY(enter_root(plan));
  TRY(attach_mounts(plan, proc));
  TRY(mount_own(plan.spec->memory_bytes()));
  return mask_proc();
}

// The raw calls: those of the C library would speak to threads that this process does not have.
Result<void> become_root() {
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresuid, 0, 0, 0) != 0)
    return sys_fail("become root of the user namespace");
  return {};
}

// After become_root(), for a change of ids clears both.
Result<void> tie_to_spawner() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return sys_fail("ask to die with the spawner");
  // This process keeps a copy of the spawner's memory: nobody inside may look into it.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return sys_fail("hide the memory of init");
  return {};
}

// So that it can open /dev/stdout again by name.
Result<void> give_pipes(const int (&stdio)[3], const User& user) {
  if (user.uid == 0) return {};
  for (const int fd : stdio) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return sys_fail("look at the container's files");
    const bool own = S_ISFIFO(info.st_mode) || (S_ISCHR(info.st_mode) && ::isatty(fd));
    if (own && ::fchown(fd, user.uid, user.gid) != 0)
      return sys_fail("give the container's files to its user");
  }
  return {};
}

Result<void> give_up_rights(const ContainerSpec& spec, const std::vector<sock_filter>& seccomp,
                            Keep keep) {
  // It holds secrets, and would land in the user's folder or with a program of the host's.
  if (!limit_core_files()) return sys_fail("forbid core files");
  if (!spec.allow_setuid() && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return sys_fail("forbid new privileges");
  TRY(load_seccomp_filter(seccomp));
  return drop_capabilities(keep);
}

Result<User> look_up_user(const std::string& wanted) {
  if (wanted.empty()) return User{};
  ASSIGN_OR_RETURN(const std::string passwd, read_list("/etc/passwd"));
  ASSIGN_OR_RETURN(const std::string group, read_list("/etc/group"));
  return find_user(wanted, passwd, group);
}

Result<void> make_workdir(const ContainerSpec& spec) { return make_folders(workdir_of(spec)); }

Result<void> enter_workdir(const ContainerSpec& spec) {
  TRY(make_workdir(spec));
  if (::chdir(workdir_of(spec)) != 0) return sys_fail(cat("enter ", workdir_of(spec)));
  return {};
}

void contain(const Plan& plan) {
  ::umask(022);
  User user;
  if (Result<void> done = set_up(plan, user); !done) {
    send_report(plan.report, Report::kError, done.error().message);
    ::_exit(1);
  }
  run_init(plan, user);
}

}  // namespace ionian::container
