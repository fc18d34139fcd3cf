#include "container/exec.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include <csignal>
#include <cstring>

#include "base/file.h"
#include "container/contain.h"
#include "container/program.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr int kTerminalMultiplexer = 5;  // the major number of /dev/ptmx, whose minor one is 2

struct Entry {
  const Container& container;
  const CgroupDoor& door;
  const std::vector<sock_filter>& seccomp;
  const ExecSpec& spec;
  int stdio[3];
  int report;
};

void say(int report, Said what, std::string_view rest, const std::vector<int>& fds = {}) {
  (void)send_packet(report, cat(static_cast<char>(what), rest.substr(0, 3000)), fds, Wait::kYes);
}

// Of the container's own terminals, whatever its programs have put in the place of /dev.
Result<UniqueFd> open_multiplexer() {
  UniqueFd found(::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!found || ::fstat(found.get(), &info) != 0) return sys_fail("open /dev/pts/ptmx");
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(kTerminalMultiplexer, 2))
    return ionian::fail(Code::kFailedPrecondition, "/dev/pts/ptmx of the container is none");
  return found;
}

// Makes it, gives our end away, and puts the other in the place of the three files.
Result<UniqueFd> make_terminal(Entry& entry, const User& user) {
  ASSIGN_OR_RETURN(const UniqueFd ours, open_multiplexer());
  const int unlocked = 0;
  const winsize size{.ws_row = static_cast<unsigned short>(entry.spec.terminal().rows()),
                     .ws_col = static_cast<unsigned short>(entry.spec.terminal().columns()),
                     .ws_xpixel = 0,
                     .ws_ypixel = 0};
  if (::ioctl(ours.get(), TIOCSPTLCK, &unlocked) != 0) return sys_fail("unlock a terminal");
  UniqueFd theirs(::ioctl(ours.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!theirs) return sys_fail("open a terminal");
  if (size.ws_row && size.ws_col && ::ioctl(ours.get(), TIOCSWINSZ, &size) != 0)
    return sys_fail("set the size of a terminal");
  if (::fchown(theirs.get(), user.uid, static_cast<gid_t>(-1)) != 0)
    return sys_fail("give a terminal to its user");
  say(entry.report, Said::kTerminal, "", {ours.get()});
  for (int& fd : entry.stdio) fd = theirs.get();
  return theirs;
}

Result<void> enter_folder(const Entry& entry) {
  const std::string& own = entry.container.spec.workdir();
  const std::string& wanted = entry.spec.workdir().empty() ? own : entry.spec.workdir();
  const char* folder = wanted.empty() ? "/" : wanted.c_str();
  if (::chdir(folder) == 0 || entry.spec.workdir().empty()) return {};
  return ionian::fail(Code::kInvalidArgument, "enter ", folder, ": ", std::strerror(errno));
}

Program::Env environment_of(const Entry& entry) {
  Program::Env env = entry.container.spec.env();
  for (const auto& [name, value] : entry.spec.env()) env[name] = value;
  return env;
}

Result<void> become_program(Entry& entry) {
  if (::setns(entry.container.pidfd.get(), CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return sys_fail("enter the container's namespaces");
  TRY(become_root());
  TRY(tie_to_spawner());
  ASSIGN_OR_RETURN(const User user, look_up_user(entry.container.spec.user()));
  UniqueFd terminal;
  ::setsid();
  if (entry.spec.has_terminal()) {
    ASSIGN_OR_RETURN(terminal, make_terminal(entry, user));
    if (::ioctl(terminal.get(), TIOCSCTTY, 0) != 0) return sys_fail("take a terminal");
  } else {
    TRY(give_pipes(entry.stdio, user));
  }
  TRY(enter_folder(entry));
  TRY(give_up_rights(entry.container.spec, entry.seccomp, Keep::kCapabilitiesOfRoot));
  const Program::Env env = environment_of(entry);
  Program program(entry.spec.args(), env, user);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  const int error = program.replace_this_process(entry.stdio, user);
  return ionian::fail(Code::kInvalidArgument, "start ", entry.spec.args(0), ": ",
                      std::strerror(error));
}

[[noreturn]] void run_program(Entry& entry, int go) {
  ::umask(022);
  char byte;
  if (::read(go, &byte, 1) != 1) ::_exit(1);  // nobody would know of it
  const Result<void> failed = become_program(entry);
  const bool theirs = failed.error().code == Code::kInvalidArgument;
  say(entry.report, theirs ? Said::kNotRunnable : Said::kError, failed.error().message);
  ::_exit(127);
}

// With the rights of the spawner, which nothing inside can look into.
Result<void> enter(const Entry& entry) {
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return sys_fail("hide the memory of a helper");
  for (const UniqueFd& tasks : entry.door.v1_tasks)
    if (::write(tasks.get(), "0", 1) != 1) return sys_fail("join a cgroup");
  (void)write_file("/proc/self/oom_score_adj", "500");
  constexpr int kNamespaces =
      CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (::setns(entry.container.pidfd.get(), kNamespaces) != 0)
    return sys_fail("enter the container's namespaces");
  return {};
}

Result<void> help(Entry& entry) {
  TRY(enter(entry));
  int go[2];
  if (::pipe2(go, O_CLOEXEC) != 0) return sys_fail("make a pipe");
  int pidfd = -1;
  // Not a child of this helper's, but its sibling.
  clone_args args{.flags = CLONE_PARENT | CLONE_PIDFD,
                  .pidfd = reinterpret_cast<std::uintptr_t>(&pidfd)};
  if (entry.door.v2) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(entry.door.v2.get());
  }
  const int pid = sys_clone3(args);
  if (pid == 0) {
    ::close(go[1]);
    run_program(entry, go[0]);
  }
  if (pid < 0) return sys_fail("start a process in the container");
  say(entry.report, Said::kPid, {reinterpret_cast<const char*>(&pid), sizeof pid}, {pidfd});
  // From here on the report ends with the program's start: it may be over before this helper is.
  ::close(entry.report);
  (void)!::write(go[1], "1", 1);
  return {};
}

}  // namespace

Result<std::unique_ptr<Exec>> start_exec(const Container& container, const CgroupDoor& door,
                                         const std::vector<sock_filter>& seccomp,
                                         const ExecSpec& spec, std::vector<UniqueFd> stdio) {
  TRY(give_stdio(stdio, container.ids));
  int report[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0)
    return sys_fail("make a socket pair");
  auto exec = std::make_unique<Exec>();
  exec->id = spec.id();
  exec->report.reset(report[0]);
  const UniqueFd theirs(report[1]);
  Entry entry{.container = container,
              .door = door,
              .seccomp = seccomp,
              .spec = spec,
              .stdio = {stdio[0].get(), stdio[1].get(), stdio[2].get()},
              .report = theirs.get()};
  const pid_t helper = ::fork();
  if (helper < 0) return sys_fail("fork");
  if (helper > 0) return exec;
  exec->report.reset();
  if (Result<void> done = help(entry); !done) say(entry.report, Said::kError, done.error().message);
  ::_exit(0);
}

}  // namespace ionian::container
