// A container that runs becomes another: its namespaces, its init and its program stay, the file
// system around them is exchanged. So a program can have started, and loaded what it always needs,
// before it is known what it will work on.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/contain.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

// What stands in the old root and belongs to the container, not to its files.
constexpr const char* kLasting[] = {"/proc", "/dev", "/sys"};

struct Lasting {
  std::string target;
  UniqueFd mount;
};

Result<std::vector<Lasting>> hold_lasting(const ContainerSpec& spec) {
  std::vector<std::string> targets(std::begin(kLasting), std::end(kLasting));
  for (const char* file : {"/etc/resolv.conf", "/etc/hosts"}) targets.emplace_back(file);
  for (const Bind& bind : spec.binds()) targets.push_back(bind.target());
  std::vector<Lasting> lasting;
  for (std::string& target : targets) {
    UniqueFd mount(::open_tree(AT_FDCWD, target.c_str(), OPEN_TREE_CLOEXEC));
    if (!mount) return sys_fail(cat("hold the mount of ", target));
    lasting.push_back({std::move(target), std::move(mount)});
  }
  return lasting;
}

// The root and the working folder of every process that stands in the old root become the new one.
Result<void> change_root(int rootfs) {
  if (::move_mount(rootfs, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return sys_fail("attach the root file system");
  if (::fchdir(rootfs) != 0) return sys_fail("enter the root file system");
  if (sys_pivot_root(".", ".") != 0) return sys_fail("change the root");
  return {};
}

Result<void> change(const Plan& plan, int init_pidfd, UniqueFd& old_root) {
  TRY(enter_namespaces(init_pidfd));
  old_root.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!old_root) return sys_fail("hold the old root");
  ASSIGN_OR_RETURN(const std::vector<Lasting> lasting, hold_lasting(*plan.spec));
  TRY(change_root(plan.rootfs));
  for (const Lasting& each : lasting) TRY(attach(each.mount.get(), each.target));
  if (::umount2(".", MNT_DETACH) != 0) return sys_fail("leave the old root");
  if (::chdir("/") != 0) return sys_fail("enter the new root");
  for (const MountInto& mount : plan.mounts) TRY(attach(mount.mount, mount.target));
  ASSIGN_OR_RETURN(const User user, look_up_user(plan.spec->user()));
  TRY(write_files(*plan.spec, user));
  return make_workdir(*plan.spec);
}

}  // namespace

Result<void> enter_namespaces(int init_pidfd) {
  if (::setns(init_pidfd, CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return sys_fail("enter the container's namespaces");
  TRY(become_root());
  return tie_to_spawner();
}

void contain_anew(const Plan& plan, int init_pidfd) {
  ::umask(022);
  UniqueFd old_root;  // the end of its file system takes longer than all the rest: after the report
  const Result<void> done = change(plan, init_pidfd, old_root);
  send_report(plan.report, done ? Report::kBecame : Report::kError,
              done ? std::string_view() : std::string_view(done.error().message));
  ::_exit(done ? 0 : 1);
}

}  // namespace ionian::container
