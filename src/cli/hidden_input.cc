#include "cli/hidden_input.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/file.h"

namespace ionian::cli {
namespace {

constexpr std::size_t kLineBytesMax = 4096;
constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

// What a signal handler needs: which terminal, and how it was before.
int hidden_fd = -1;
termios shown_mode, hidden_mode;

// TCSAFLUSH would throw away what was typed ahead.
void restore_and_raise(int number) {
  const int before = errno;
  ::tcsetattr(hidden_fd, TCSADRAIN, &shown_mode);
  if (number == SIGTSTP) {
    ::raise(SIGSTOP);
    ::tcsetattr(hidden_fd, TCSADRAIN, &hidden_mode);  // the program goes on
  } else {
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
  errno = before;
}

// The terminal does not echo while it lives.
class EchoOff {
 public:
  explicit EchoOff(int fd) {
    if (::tcgetattr(fd, &shown_mode) != 0) return;
    hidden_fd = fd;
    hidden_mode = shown_mode;
    hidden_mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    hidden_mode.c_lflag |= ECHONL;
    struct sigaction action{};
    action.sa_handler = restore_and_raise;
    for (std::size_t i = 0; i < std::size(kEnding); ++i)
      ::sigaction(kEnding[i], &action, &before_[i]);
    ::tcsetattr(fd, TCSADRAIN, &hidden_mode);
  }
  ~EchoOff() {
    if (hidden_fd < 0) return;
    ::tcsetattr(hidden_fd, TCSADRAIN, &shown_mode);
    for (std::size_t i = 0; i < std::size(kEnding); ++i)
      ::sigaction(kEnding[i], &before_[i], nullptr);
    hidden_fd = -1;
  }

 private:
  struct sigaction before_[std::size(kEnding)];
};

// Byte by byte, so that what follows the line stays for whoever reads next.
Result<std::string> read_line(int fd) {
  std::string line;
  for (char c; line.size() < kLineBytesMax;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_fail("read");
    if (n == 0 && line.empty()) return fail(Code::kFailedPrecondition, "the input has ended");
    if (n == 0 || c == '\n') {
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    line += c;
  }
  return fail(Code::kInvalidArgument, "the line is longer than ", kLineBytesMax, " bytes");
}

Result<std::string> ask(int fd, const std::string& prompt) {
  const EchoOff off(fd);
  TRY(write_all(fd, prompt));
  return read_line(fd);
}

}  // namespace

Result<std::string> read_hidden(const std::string& prompt) {
  if (!::isatty(STDIN_FILENO)) return read_line(STDIN_FILENO);
  const EchoOff off(STDIN_FILENO);
  TRY(write_all(STDERR_FILENO, prompt));
  return read_line(STDIN_FILENO);
}

Result<std::string> ask_hidden(const std::string& prompt) {
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  return terminal ? ask(terminal.get(), prompt) : read_hidden(prompt);
}

}  // namespace ionian::cli
