// Process 1 of the container: starts the program, reaps what is orphaned, passes signals on, says
// how it ended.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "container/contain.h"
#include "container/packet.h"
#include "container/program.h"
#include "container/syscalls.h"
#include "container/zygote.h"

namespace ionian::container {
namespace {

pid_t start_program(const Plan& plan, const User& user) {
  Program program(plan.spec->args(), plan.spec->env(), user);
  volatile int error = 0;
  // The child makes system calls only, and tells of its failure in the memory that it shares.
  // NOLINTBEGIN(bugprone-unsafe-functions,clang-analyzer-*)
  const pid_t pid = ::vfork();
  if (pid == 0) {
    ::setsid();
    error = program.replace_this_process(plan.stdio, user);
    ::_exit(127);
  }
  // NOLINTEND(bugprone-unsafe-functions,clang-analyzer-*)
  if (pid < 0) error = errno;
  if (error != 0) {
    send_report(plan.report, Report::kError,
                cat("start ", plan.spec->args(0), ": ", std::strerror(error)));
    ::_exit(127);
  }
  return pid;
}

// A copy of a zygote's program, made and told of by another process. Init has only these two files
// open: a copy of that one's end, too, would hide its death.
pid_t await_program(int forker, int report) {
  const auto give_up = [&](std::string_view why) {
    send_report(report, Report::kNoCopy, why);
    ::_exit(127);
  };
  if (!send_packet(forker, std::string(1, kInitIsReady), {}, Wait::kYes))
    give_up("its program did not come");
  const Result<std::optional<Packet>> packet = receive_packet(forker, Wait::kYes);
  if (!packet || !*packet) give_up("its program did not come");
  const std::string& said = (*packet)->bytes;
  int pid = -1;
  if (said.size() != 1 + sizeof pid || said[0] != kProgramIs)
    give_up(cat("copy a program: ", said.substr(said.empty() ? 0 : 1)));
  std::memcpy(&pid, said.data() + 1, sizeof pid);
  return pid;
}

// Returns true when the program itself has ended.
bool reap(pid_t program, int& status) {
  for (;;) {
    int each;
    const pid_t pid = ::waitpid(-1, &each, WNOHANG);
    if (pid == program) {
      status = each;
      return true;
    }
    if (pid <= 0) return false;
  }
}

}  // namespace

void send_report(int report, Report kind, std::string_view rest) {
  const std::string text = cat(static_cast<char>(kind), rest.substr(0, 3000));
  (void)!::write(report, text.data(), text.size());
}

void run_init(const Plan& plan, const User& user) {
  // Everything that came from the spawner ends here: the program gets its three files and nothing
  // else.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  const bool forked = plan.forker >= 0;
  pid_t program = forked ? -1 : start_program(plan, user);
  // Init holds no end of the program's pipes, so that their reader sees the end of file in time.
  const int report = ::dup2(plan.report, 0);
  const int forker = forked ? ::dup2(plan.forker, 1) : 0;
  ::close_range(static_cast<unsigned>(forker) + 1, ~0U, 0);
  if (forked) program = await_program(forker, report), ::close(forker);
  send_report(report, Report::kStarted, "");

  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  int status = 0;
  while (!reap(program, status)) {
    const int signo = ::sigwaitinfo(&all, nullptr);
    if (signo > 0 && signo != SIGCHLD) ::kill(program, signo);
  }
  send_report(report, Report::kExited,
              std::string_view(reinterpret_cast<const char*>(&status), sizeof status));
  ::_exit(0);
}

}  // namespace ionian::container
