// How a copy of a running program gets into a container that it was not started in.
//
// The zygote has no right to enter a namespace, and the filter of system calls forbids it to try.
// So this process traces it, and three children are made of it while it stands before its own
// fork(). The first two share its memory and never run a line of its code; they only make the
// system calls that are put into them: the first enters the container's namespaces, whose owner it
// is, and gives up every right that programs there don't have; the second is born inside. The third
// is the copy: a child of the second, which ends, so that the container's init becomes its parent.
#include "container/zygote_fork.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "container/packet.h"
#include "container/syscalls.h"
#include "container/tracee.h"

namespace ionian::container {
namespace {

// A zygote that does not fork within this time never will.
constexpr unsigned kSecondsMax = 10;

// The zygote, until it stands before its fork(). From one that is let go earlier a copy could come
// later, which nobody contains.
volatile pid_t awaited = 0;

[[noreturn]] void end_helper() {
  if (awaited > 0) ::kill(awaited, SIGKILL);
  ::_exit(awaited > 0 ? 1 : 0);
}

struct Namespace {
  const char* name;
  std::uint64_t type;
  UniqueFd fd{};
};
using Namespaces = std::array<Namespace, 6>;

// In the order in which they are entered: the first gives the rights for the others.
Result<Namespaces> namespaces_of(pid_t init) {
  Namespaces all = {{{"user", CLONE_NEWUSER},
                     {"mnt", CLONE_NEWNS},
                     {"net", CLONE_NEWNET},
                     {"ipc", CLONE_NEWIPC},
                     {"uts", CLONE_NEWUTS},
                     {"pid", CLONE_NEWPID}}};
  for (Namespace& each : all) {
    each.fd.reset(::open(cat("/proc/", init, "/ns/", each.name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!each.fd) return sys_fail(cat("open the ", each.name, " namespace"));
  }
  return all;
}

// The request to make a copy, with all that it will have open by then.
Result<void> ask(int control, const AwaitedFork& fork, const Namespaces& namespaces) {
  std::vector<int> fds;
  fds.reserve(fork.stdio.size() + namespaces.size() + fork.door.v1_tasks.size());
  for (const UniqueFd& fd : fork.stdio) fds.push_back(fd.get());
  for (const Namespace& each : namespaces) fds.push_back(each.fd.get());
  for (const UniqueFd& tasks : fork.door.v1_tasks) fds.push_back(tasks.get());
  TRY(send_packet(control, "f", fds, Wait::kYes));
  return {};
}

// Under which number the process has that file open.
Result<std::uint64_t> find_open(pid_t pid, const char* what, const UniqueFd& wanted) {
  std::error_code error;
  const std::string folder = cat("/proc/", pid, "/fd");
  const auto target = std::filesystem::read_symlink(fd_path(wanted.get()), error);
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (std::filesystem::read_symlink(entry.path(), error) == target)
      return std::strtoull(entry.path().filename().c_str(), nullptr, 10);
  return fail(Code::kFailedPrecondition, "the zygote has not taken the ", what);
}

// In version 1 the process writes "0" itself: the kernel waits 10 ms where another one is moved.
Result<void> enter_cgroups(Tracee& tracee, const Registers& at_fork, const CgroupDoor& door) {
  ASSIGN_OR_RETURN(const std::uint64_t at, tracee.put(at_fork, std::array{std::uint64_t{'0'}}));
  for (const UniqueFd& tasks : door.v1_tasks) {
    ASSIGN_OR_RETURN(const std::uint64_t fd, find_open(tracee.pid(), "cgroup", tasks));
    TRY(tracee.call(at_fork, "join a cgroup", SYS_write, {fd, at, 1}));
  }
  if (!door.v2) return {};
  const UniqueFd processes(::openat(door.v2.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (!processes) return sys_fail("open a cgroup");
  return write_all(processes.get(), cat(tracee.pid()));
}

// As give_up_rights() and drop_capabilities() do it. What cannot be given back is inherited: no new
// privileges, the filter, no core files.
Result<void> give_up_rights(Tracee& tracee, const Registers& at_fork) {
  const auto call = [&](const char* what, long number, Tracee::Arguments arguments) {
    return tracee.call(at_fork, what, number, arguments);
  };
  TRY(call("leave groups", SYS_setgroups, {0, 0}));
  TRY(call("become root", SYS_setresgid, {0, 0, 0}));
  TRY(call("become root", SYS_setresuid, {0, 0, 0}));
  const std::uint64_t kept = kept_capabilities();
  for (std::uint64_t capability = 0; capability < 64; ++capability) {
    if (kept >> capability & 1) continue;
    Result<long> dropped = call("drop a capability", SYS_prctl, {PR_CAPBSET_DROP, capability});
    if (!dropped && !capability_exists(static_cast<int>(capability))) break;
    TRY(dropped);
  }
  const std::uint64_t low = kept & 0xffff'ffff, high = kept >> 32;
  // The header, then effective, permitted and inheritable of both halves.
  const std::uint64_t words[] = {_LINUX_CAPABILITY_VERSION_3, low | low << 32, high << 32, high};
  ASSIGN_OR_RETURN(const std::uint64_t at, tracee.put(at_fork, words));
  TRY(call("set capabilities", SYS_capset, {at, at + 8}));
  // The kernel has taken this away with the change of ids, from the memory that all of them share.
  TRY(call("be looked into", SYS_prctl, {PR_SET_DUMPABLE, 1}));
  return {};
}

Result<void> enter(Tracee& tracee, const Registers& at_fork, const Namespaces& namespaces) {
  for (const Namespace& each : namespaces) {
    ASSIGN_OR_RETURN(const std::uint64_t fd, find_open(tracee.pid(), each.name, each.fd));
    TRY(tracee.call(at_fork, each.name, SYS_setns, {fd, each.type}));
  }
  TRY(tracee.call(at_fork, "cgroup", SYS_unshare, {CLONE_NEWCGROUP}));
  return {};
}

// Under a number out of the way, so that the copy has the first one after init's, as a program that
// was started.
Result<pid_t> bear_inside(Tracee& tracee, const Registers& at_fork) {
  constexpr std::uint64_t kNumber = 300;
  std::array<std::uint64_t, sizeof(clone_args) / 8 + 1> words{};
  ASSIGN_OR_RETURN(const std::uint64_t at, tracee.put(at_fork, words));
  const clone_args args{
      .flags = CLONE_VM, .exit_signal = SIGCHLD, .set_tid = at + sizeof args, .set_tid_size = 1};
  std::memcpy(words.data(), &args, sizeof args);
  words.back() = kNumber;
  TRY(tracee.put(at_fork, words));
  return tracee.clone(at_fork, SYS_clone3, {at, sizeof args});
}

// The number that the process has in its own namespace.
Result<int> number_inside(pid_t pid) {
  ASSIGN_OR_RETURN(const std::string status, read_file(cat("/proc/", pid, "/status")));
  const std::size_t line = status.find("\nNSpid:");
  const std::size_t end = status.find('\n', line + 1);
  if (line == std::string::npos || end == std::string::npos)
    return fail(Code::kInternal, "the kernel does not say which number a process has");
  return static_cast<int>(
      std::strtol(status.c_str() + status.find_last_of("\t ", end), nullptr, 10));
}

Result<void> wait_for_init(int to_init) {
  ASSIGN_OR_RETURN(const std::optional<Packet> packet, receive_packet(to_init, Wait::kYes));
  if (!packet || packet->bytes != std::string(1, kInitIsReady))
    return fail(Code::kUnavailable, "its init has ended");
  return {};
}

Result<void> wait_for_network(int furnished) {
  char byte = 0;
  if (::read(furnished, &byte, 1) != 1 || byte != kFurnished)
    return fail(Code::kUnavailable, "it has no network");
  return {};
}

Result<void> copy_into(Tracee& zygote, const Registers& at_fork, const Namespaces& namespaces,
                       const AwaitedFork& fork) {
  // It must not write its number where the zygote keeps its own.
  ASSIGN_OR_RETURN(const pid_t first_pid, zygote.fork_with(at_fork, CLONE_VM | SIGCHLD));
  ASSIGN_OR_RETURN(Tracee first, Tracee::child(first_pid));
  TRY(enter_cgroups(first, at_fork, fork.door));
  TRY(wait_for_init(fork.to_init.get()));
  TRY(enter(first, at_fork, namespaces));
  ASSIGN_OR_RETURN(const pid_t second_pid, bear_inside(first, at_fork));
  ASSIGN_OR_RETURN(Tracee second, Tracee::child(second_pid));
  TRY(give_up_rights(second, at_fork));
  // With the arguments of the fork() that the zygote has called.
  ASSIGN_OR_RETURN(const pid_t copy_pid,
                   second.clone(at_fork, SYS_clone,
                                {at_fork.rdi, at_fork.rsi, at_fork.rdx, at_fork.r10, at_fork.r8}));
  ASSIGN_OR_RETURN(Tracee copy, Tracee::child(copy_pid));
  ASSIGN_OR_RETURN(const int number, number_inside(copy_pid));
  second.kill();
  first.kill();
  TRY(wait_for_network(fork.furnished.get()));
  const std::string said =
      cat(kProgramIs, std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
  TRY(send_packet(fork.to_init.get(), said, {}, Wait::kYes));
  return copy.go_on_as_child(at_fork);
}

Result<void> bring(pid_t pid, int control, const AwaitedFork& fork) {
  ASSIGN_OR_RETURN(const Namespaces namespaces, namespaces_of(fork.init));
  awaited = pid;
  ASSIGN_OR_RETURN(Tracee zygote, Tracee::seize(pid));
  TRY(ask(control, fork, namespaces));
  ASSIGN_OR_RETURN(const Registers at_fork, zygote.run_to_fork());
  awaited = 0;
  Result<void> done = copy_into(zygote, at_fork, namespaces, fork);
  TRY(zygote.let_go());
  return done;
}

}  // namespace

void make_copy(pid_t zygote, int control, const AwaitedFork& fork) {
  ::prctl(PR_SET_DUMPABLE, 0);
  // The end of a tracer lets the zygote go on, and ends what was made of it.
  ::signal(SIGALRM, [](int) { end_helper(); });
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
  ::alarm(kSecondsMax);
  if (Result<void> done = bring(zygote, control, fork); !done)
    (void)send_packet(fork.to_init.get(), cat(kNoProgram, done.error().message), {}, Wait::kYes);
  end_helper();
}

}  // namespace ionian::container
