#include "images/subprocess.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// glibc 2.36 declares its functions without saying that they are C.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <span>

#include "base/fd.h"

namespace ionian::images {
namespace {

constexpr std::size_t kOutLimit = 1 << 20;
constexpr std::size_t kTailLimit = 8 << 10;
// How soon a cancelled command is noticed.
constexpr int kPollMs = 100;
// How long the end of killed processes is waited for: the kernel may still be writing for them.
constexpr int kKillMs = 5000;

std::vector<std::string> merged_environment(const std::vector<std::string>& extra) {
  std::map<std::string, std::string> lines;
  const auto add = [&](std::string line) {
    std::string name = line.substr(0, line.find('='));
    lines[std::move(name)] = std::move(line);
  };
  for (char** line = environ; *line; ++line) add(*line);
  for (const std::string& line : extra) add(line);
  std::vector<std::string> out;
  out.reserve(lines.size());
  for (auto& [name, line] : lines) out.push_back(std::move(line));
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe(int flags_of_ours) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return sys_fail("make a pipe");
  // Only our end may not block: the program's own reads its flags from the other.
  ::fcntl(fds[0], F_SETFL, flags_of_ours);
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A started program. Destroyed before its end, it is killed with its whole process group.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), pidfd_(::pidfd_open(pid, 0)) {}
  Child(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill_group();
      wait();
    }
  }
  void kill_group() { ::kill(-pid_, SIGKILL); }
  int pidfd() const { return pidfd_.get(); }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

// What the copy of this process does until it is the program. It may only call what is safe after a
// fork of a process with threads. Comes back with errno if there is no such program.
void become(const Command& command, char** args, char** environment, int out, int err,
            pid_t parent) {
  // A server that is killed takes its programs with it: they write into its folders.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::setpgid(0, 0) != 0) return;
  if (::getppid() != parent) ::_exit(1);
  // Not every library marks its sockets: a program that held a listener would keep its port.
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0 ||
      ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return;
  if (!command.workdir.empty() && ::chdir(command.workdir.c_str()) != 0) return;
  for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(args[0], args, environment);
}

Result<pid_t> spawn(const Command& command, int out, int err) {
  const std::vector<std::string> environment = merged_environment(command.env);
  std::vector<char*> args = pointers(command.args), lines = pointers(environment);
  ASSIGN_OR_RETURN(Pipe failed, make_pipe(0));
  const pid_t parent = ::getpid();
  // Without the handlers that libraries have for fork: none of them is used in the copy.
  const pid_t pid = ::_Fork();
  if (pid < 0) return sys_fail(cat("start ", command.args[0]));
  if (pid == 0) {
    become(command, args.data(), lines.data(), out, err, parent);
    const int error = errno;
    ::_exit(::write(failed.write.get(), &error, sizeof error) == sizeof error ? 127 : 1);
  }
  failed.write.reset();
  int error = 0;
  // Nothing comes once the program is there: the pipe closes with exec.
  if (::read(failed.read.get(), &error, sizeof error) <= 0) return pid;
  ::waitpid(pid, nullptr, 0);
  if (error == ENOENT)
    return fail(Code::kNotFound, "the program ", command.args[0], " is not installed");
  return sys_fail(cat("start ", command.args[0]), error);
}

// Passes on what is there. False at the end of the stream.
bool drain(int fd, int stream, const Command& command, Exit& exit) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    if (command.on_output) command.on_output(stream, text);
    if (stream == 1 && exit.out.size() < kOutLimit)
      exit.out += text.substr(0, kOutLimit - exit.out.size());
    exit.tail += text;
    if (exit.tail.size() > kTailLimit) exit.tail.erase(0, exit.tail.size() - kTailLimit);
  }
}

// Until every process that had the pipes is gone: only then does nothing write to their files any
// more.
void discard_to_end(std::span<pollfd> pipes) {
  const Command silent;
  Exit ignored;
  while (std::ranges::any_of(pipes, [](const pollfd& p) { return p.fd >= 0; })) {
    if (::poll(pipes.data(), pipes.size(), kKillMs) == 0) return;
    for (pollfd& each : pipes)
      if (each.fd >= 0 && !drain(each.fd, 0, silent, ignored)) each.fd = -1;
  }
}

}  // namespace

Result<Exit> run_command(const Command& command) {
  CHECK(!command.args.empty());
  ASSIGN_OR_RETURN(Pipe out, make_pipe(O_NONBLOCK));
  ASSIGN_OR_RETURN(Pipe err, make_pipe(O_NONBLOCK));
  ASSIGN_OR_RETURN(const pid_t pid, spawn(command, out.write.get(), err.write.get()));
  Child child(pid);
  out.write.reset();
  err.write.reset();
  Exit exit;
  pollfd polls[] = {
      {out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {child.pidfd(), POLLIN, 0}};
  while ((polls[2].revents & POLLIN) == 0) {
    Result<void> allowed = command.allowed ? command.allowed() : Result<void>{};
    if (command.cancelled && command.cancelled->load())
      allowed = fail(Code::kCancelled, command.args[0], " was cancelled");
    if (!allowed) {
      child.kill_group();
      discard_to_end({polls, 2});
      return std::unexpected(allowed.error());
    }
    if (::poll(polls, 3, kPollMs) < 0 && errno != EINTR) return sys_fail("poll");
    // A daemon that the program leaves behind may keep the pipes open: its own end is what counts.
    for (int i : {0, 1})
      if (polls[i].fd >= 0 && !drain(polls[i].fd, i + 1, command, exit)) polls[i].fd = -1;
  }
  for (int i : {0, 1})
    if (polls[i].fd >= 0) drain(polls[i].fd, i + 1, command, exit);
  exit.code = child.wait();
  return exit;
}

Result<Exit> run_or_fail(std::string_view doing, const Command& command) {
  ASSIGN_OR_RETURN(Exit exit, run_command(command));
  if (exit.code != 0)
    return fail(Code::kFailedPrecondition, doing, ": ", command.args[0], " ended with exit code ",
                exit.code, ":\n", exit.tail);
  return exit;
}

}  // namespace ionian::images
