#include "container/zygote.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/file.h"
#include "container/jail.h"
#include "container/program.h"
#include "container/syscalls.h"
#include "container/zygote_fork.h"

namespace ionian::container {
namespace {

constexpr int kOutOfTheWay = 100;

Result<void> set_up(const Plan& plan) {
  TRY(wait_for_spawner(plan));
  TRY(join_cgroups(plan));
  TRY(tie_to_spawner());
  // It has no process namespace of its own: in those of its copies a process could not be born from
  // it then.
  TRY(enter_file_system(plan, ProcShows::kOwn));
  TRY(write_files(*plan.spec, User{}));
  TRY(enter_workdir(*plan.spec));
  return give_up_rights(*plan.spec, *plan.seccomp, Keep::kNothing);
}

}  // namespace

// A user namespace that is made meanwhile belongs to that user of the host, who may enter it. The
// capabilities of this process stay.
Result<void> as_owner(std::uint32_t id, const std::function<Result<void>()>& make) {
  if (::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0 ||
      ::syscall(SYS_setresuid, -1, id, -1) != 0)
    return sys_fail("become the owner of a namespace");
  const Result<void> done = make();
  CHECK(::syscall(SYS_setresuid, -1, 0, -1) == 0 && ::prctl(PR_SET_SECUREBITS, 0) == 0);
  return done;
}

// What init and the one who brings its program speak by.
Result<UniqueFd> await_fork(Container& container) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return sys_fail("make a socket pair");
  container.fork = std::make_shared<AwaitedFork>();
  container.fork->to_init.reset(pair[0]);
  return UniqueFd(pair[1]);
}

Result<void> look_up_netns(Container& container) {
  container.fork->init = container.pid;
  container.network.netns.reset(
      ::open(cat("/proc/", container.pid, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  if (!container.network.netns) return sys_fail("open the network namespace");
  return {};
}

Result<UniqueFd> make_control(Container& container) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return sys_fail("make a socket pair");
  container.control.reset(pair[0]);
  return UniqueFd(pair[1]);
}

void contain_zygote(const Plan& plan, std::uint32_t id) {
  ::umask(022);
  if (Result<void> done = set_up(plan); !done) {
    send_report(plan.report, Report::kError, done.error().message);
    ::_exit(1);
  }
  const User user{.uid = id, .gid = id, .groups = {}, .home = {}};
  Program program(plan.spec->args(), plan.spec->env(), user);
  ::setsid();
  const int report = ::fcntl(plan.report, F_DUPFD, kOutOfTheWay);
  const int control = ::fcntl(plan.control, F_DUPFD, kOutOfTheWay);
  for (int fd = 0; fd < 3; ++fd) ::dup2(plan.stdio[fd], fd);
  ::dup2(control, kRequests);
  ::close_range(kRequests + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  send_report(report, Report::kStarted, "");
  const int error = program.replace_this_process({0, 1, 2}, user);
  send_report(report, Report::kError,
              cat("start ", plan.spec->args(0), ": ", std::strerror(error)));
  ::_exit(127);
}

void Forks::add(const Container& zygote) {
  Zygote& made = zygotes_[zygote.spec.id()];
  made.pid = zygote.pid;
  made.control = zygote.control.get();
}

bool Forks::has(const Container& zygote) const { return zygotes_.contains(zygote.spec.id()); }

void Forks::remove(const Container& zygote) { zygotes_.erase(zygote.spec.id()); }

void Forks::bring_program(Container& container, NetworkPool& network) {
  const std::shared_ptr<AwaitedFork> fork = std::move(container.fork);
  int furnished[2];
  if (::pipe2(furnished, O_CLOEXEC) != 0) return (void)(container.error = "make a pipe");
  fork->furnished.reset(furnished[0]);
  const UniqueFd there(furnished[1]);
  Zygote& zygote = zygotes_.at(container.spec.forked_from());
  zygote.waiting.push_back(std::move(*fork));
  begin_next(zygote);
  // Meanwhile the copy is made. It does not run before the network is there.
  Result<NetworkLease> lease =
      network.furnish(container.spec.network(), std::move(container.network.netns));
  if (lease)
    container.network = std::move(*lease);
  else
    container.error = lease.error().message;
  (void)write_all(there.get(), std::string(1, lease ? kFurnished : ' '));
}

void Forks::begin_next(Zygote& zygote) {
  while (zygote.helper < 0 && !zygote.waiting.empty()) {
    const AwaitedFork next = std::move(zygote.waiting.front());
    zygote.waiting.pop_front();
    const pid_t pid = ::fork();
    if (pid == 0) make_copy(zygote.pid, zygote.control, next);
    // Without a helper, its init hears that nobody comes.
    if (pid > 0) zygote.helper = pid;
  }
}

bool Forks::child_ended(pid_t pid, int status) {
  for (auto& [id, zygote] : zygotes_) {
    if (zygote.helper != pid) continue;
    zygote.helper = -1;
    if (status != 0) {
      ::kill(zygote.pid, SIGKILL);
      zygote.waiting.clear();
    }
    begin_next(zygote);
    return true;
  }
  return false;
}

}  // namespace ionian::container
