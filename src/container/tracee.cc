#include "container/tracee.h"

#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace ionian::container {

#if defined(__x86_64__)
namespace {

constexpr int kSyscallStop = SIGTRAP | 0x80;
constexpr int kForkStop = SIGTRAP | PTRACE_EVENT_FORK << 8;
constexpr int kFirstStop = SIGTRAP | PTRACE_EVENT_STOP << 8;
constexpr unsigned kInstructionBytes = 2;  // of `syscall`
// The 128 bytes below the stack belong to the function that runs.
constexpr std::uint64_t kBelowStack = 512;

void* number(std::uint64_t value) { return reinterpret_cast<void*>(value); }

// Signals are stops of their own; the process has those that come meanwhile.
bool is_signal(int status) { return WIFSTOPPED(status) && (status >> 8) == WSTOPSIG(status); }

Result<Registers> registers_of(pid_t pid) {
  Registers registers;
  if (::ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0)
    return sys_fail("read the registers of a process");
  return registers;
}

Result<void> set_registers(pid_t pid, Registers registers) {
  registers.orig_rax = ~0ULL;  // or the kernel might begin an interrupted call again
  if (::ptrace(PTRACE_SETREGS, pid, nullptr, &registers) != 0)
    return sys_fail("set the registers of a process");
  return {};
}

}  // namespace

Result<int> Tracee::wait() {
  int status = 0;
  pid_t got;
  do {
    got = ::waitpid(pid_, &status, __WALL);
  } while (got < 0 && errno == EINTR);
  if (got != pid_) return sys_fail("wait for a process");
  if (!WIFSTOPPED(status)) return fail(Code::kFailedPrecondition, "the process has ended");
  return status;
}

Result<void> Tracee::resume(int request, int signo) {
  if (::ptrace(static_cast<__ptrace_request>(request), pid_, nullptr,
               number(static_cast<unsigned>(signo))) != 0)
    return sys_fail("let a process go on");
  return {};
}

Result<void> Tracee::wait_for(int stop) {
  for (;;) {
    ASSIGN_OR_RETURN(const int status, wait());
    if (status >> 8 == stop) return {};
    if (!is_signal(status) || WSTOPSIG(status) == kSyscallStop)
      return fail(Code::kFailedPrecondition, "the process stopped elsewhere");
    TRY(resume(PTRACE_SYSCALL, WSTOPSIG(status)));
  }
}

Result<Tracee> Tracee::seize(pid_t pid) {
  Tracee made(pid);
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, number(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK)) != 0)
    return sys_fail("trace a process");
  if (::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return sys_fail("stop a process");
  TRY(made.wait_for(kFirstStop));
  return made;
}

Result<Tracee> Tracee::child(pid_t pid) {
  Tracee made(pid);
  TRY(made.wait_for(kFirstStop));
  if (::ptrace(PTRACE_SETOPTIONS, pid, nullptr,
               number(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL |
                      PTRACE_O_SUSPEND_SECCOMP)) != 0)
    return sys_fail("suspend the filter of system calls");
  return made;
}

Result<Registers> Tracee::run_to_fork() {
  int signo = 0;
  for (;;) {
    TRY(resume(PTRACE_SYSCALL, signo));
    ASSIGN_OR_RETURN(const int status, wait());
    signo = is_signal(status) ? WSTOPSIG(status) : 0;
    if (status >> 8 == kForkStop)
      return fail(Code::kFailedPrecondition, "the process forks in a way that is not known");
    if (status >> 8 != kSyscallStop) continue;
    signo = 0;
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info) < 0)
      return sys_fail("look at a system call");
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_clone) continue;
    if (info.entry.args[0] & CLONE_VM) continue;
    return registers_of(pid_);
  }
}

Result<pid_t> Tracee::new_child() {
  TRY(wait_for(kForkStop));
  unsigned long pid = 0;
  if (::ptrace(PTRACE_GETEVENTMSG, pid_, nullptr, &pid) != 0) return sys_fail("learn of a child");
  return static_cast<pid_t>(pid);
}

Result<pid_t> Tracee::fork_with(const Registers& at_fork, std::uint64_t flags) {
  Registers changed = at_fork;
  changed.rdi = flags;
  if (::ptrace(PTRACE_SETREGS, pid_, nullptr, &changed) != 0)
    return sys_fail("set the registers of a process");
  TRY(resume(PTRACE_CONT));
  ASSIGN_OR_RETURN(const pid_t child, new_child());
  // A system call leaves its arguments as they were.
  ASSIGN_OR_RETURN(Registers now, registers_of(pid_));
  now.rdi = at_fork.rdi;
  if (::ptrace(PTRACE_SETREGS, pid_, nullptr, &now) != 0)
    return sys_fail("set the registers of a process");
  return child;
}

Result<void> Tracee::begin(const Registers& at_fork, long number, const Arguments& arguments) {
  Registers registers = at_fork;
  registers.rip -= kInstructionBytes;
  registers.rax = static_cast<std::uint64_t>(number);
  registers.rdi = arguments[0];
  registers.rsi = arguments[1];
  registers.rdx = arguments[2];
  registers.r10 = arguments[3];
  registers.r8 = arguments[4];
  TRY(set_registers(pid_, registers));
  TRY(resume(PTRACE_SYSCALL));
  return wait_for(kSyscallStop);
}

Result<long> Tracee::call(const Registers& at_fork, const char* what, long number,
                          const Arguments& arguments) {
  TRY(begin(at_fork, number, arguments));
  TRY(resume(PTRACE_SYSCALL));
  TRY(wait_for(kSyscallStop));
  ASSIGN_OR_RETURN(const Registers registers, registers_of(pid_));
  const long result = static_cast<long>(registers.rax);
  if (result < 0) return sys_fail(what, static_cast<int>(-result));
  return result;
}

Result<pid_t> Tracee::clone(const Registers& at_fork, long number, const Arguments& arguments) {
  TRY(begin(at_fork, number, arguments));
  TRY(resume(PTRACE_SYSCALL));
  return new_child();
}

Result<std::uint64_t> Tracee::put(const Registers& at_fork, std::span<const std::uint64_t> words) {
  const std::uint64_t at = (at_fork.rsp - kBelowStack) & ~15ULL;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (::ptrace(PTRACE_POKEDATA, pid_, number(at + 8 * i), number(words[i])) != 0)
      return sys_fail("write into a process");
  return at;
}

Result<void> Tracee::go_on_as_child(const Registers& at_fork) {
  Registers registers = at_fork;
  registers.rax = 0;
  TRY(set_registers(pid_, registers));
  return let_go();
}

Result<void> Tracee::let_go() { return resume(PTRACE_DETACH); }

void Tracee::kill() {
  ::kill(pid_, SIGKILL);
  int status;
  while (::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status)) {
  }
}

#else

Result<Tracee> Tracee::seize(pid_t) {
  return fail(Code::kFailedPrecondition, "programs are forked on x86-64 only");
}

#endif

}  // namespace ionian::container
