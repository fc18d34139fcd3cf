// Process 1 of the container: starts the program, reaps what is orphaned, passes signals on, says
// how it ended.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "container/contain.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Program {
  std::vector<std::string> candidates;
  std::vector<char*> args;
  std::vector<std::string> env_text;
  std::vector<char*> env;
};

Program make_program(const ContainerSpec& spec, const User& user) {
  Program program;
  for (const std::string& arg : spec.args()) program.args.push_back(const_cast<char*>(arg.c_str()));
  program.args.push_back(nullptr);
  for (const auto& [name, value] : spec.env()) program.env_text.push_back(cat(name, "=", value));
  if (!spec.env().contains("HOME") && !user.home.empty())
    program.env_text.push_back(cat("HOME=", user.home));
  for (std::string& text : program.env_text) program.env.push_back(text.data());
  program.env.push_back(nullptr);

  const std::string& name = spec.args(0);
  if (name.find('/') != std::string::npos) {
    program.candidates = {name};
    return program;
  }
  const auto path = spec.env().find("PATH");
  std::string_view rest = path == spec.env().end() ? kDefaultPath : std::string_view(path->second);
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    program.candidates.push_back(cat(folder.empty() ? "." : folder, "/", name));
  }
  return program;
}

// Runs between vfork and exec, on init's memory: system calls only. Returns errno.
int become_program(const Plan& plan, const User& user, Program& program) {
  ::setsid();
  for (int fd = 0; fd < 3; ++fd)
    if (::dup2(plan.stdio[fd], fd) < 0) return errno;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Last, for it takes the rights that the rest may need. By the raw calls, as in become_root().
  if (user.uid != 0 || user.gid != 0)
    if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0 ||
        ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0 ||
        ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0)
      return errno;
  int error = ENOENT;
  for (const std::string& path : program.candidates) {
    ::execve(path.c_str(), program.args.data(), program.env.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  return error;
}

pid_t start_program(const Plan& plan, const User& user) {
  Program program = make_program(*plan.spec, user);
  volatile int error = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) {
    error = become_program(plan, user, program);
    ::_exit(127);
  }
  if (pid < 0) error = errno;
  if (error != 0) {
    send_report(plan.report, Report::kError,
                cat("start ", plan.spec->args(0), ": ", std::strerror(error)));
    ::_exit(127);
  }
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
  const pid_t program = start_program(plan, user);
  // Init holds no end of the program's pipes, so that their reader sees the end of file in time.
  const int report = ::dup2(plan.report, 0);
  ::close_range(1, ~0U, 0);
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
