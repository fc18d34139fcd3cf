#include "cli/flow_page.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <vector>

#include "base/cat.h"

extern char** environ;

namespace ionian::cli {
namespace {

constexpr int kRequestMs = 2'000;  // a browser sends its request at once

// Null also if it is empty.
const char* find_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

// Whether `program URL` could be started and, if it ends at once, ended well.
bool start(const std::string& program, const std::string& url) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2})
    ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  std::string name = program, argument = url;
  char* words[] = {name.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, words, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error) return false;
  int status = 0;
  const pid_t ended = ::waitpid(child, &status, WNOHANG);
  return ended == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

FlowPage::FlowPage() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!fd || ::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 4) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0)
    return;
  listening_ = std::move(fd);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FlowPage::~FlowPage() {
  if (!thread_.joinable()) return;
  ::shutdown(listening_.get(), SHUT_RDWR);
  thread_.join();
}

void FlowPage::show(std::string flow_id) {
  const std::lock_guard lock(mutex_);
  flow_id_ = std::move(flow_id);
}

void FlowPage::serve() {
  for (;;) {
    const UniqueFd one(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!one) return;
    pollfd ready{.fd = one.get(), .events = POLLIN, .revents = 0};
    char request[4096];
    if (::poll(&ready, 1, kRequestMs) <= 0) continue;
    const ssize_t n = ::recv(one.get(), request, sizeof request, 0);
    const std::string_view head(request, n > 0 ? static_cast<std::size_t>(n) : 0);
    const bool asked = head.starts_with("GET / ");
    std::string body;
    if (asked) {
      const std::lock_guard lock(mutex_);
      body = flow_id_;
    }
    const std::string answer =
        cat(asked ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found",
            "\r\nContent-Type: text/plain; charset=utf-8\r\nAccess-Control-Allow-Origin: *\r\n",
            "Connection: close\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
    (void)::send(one.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(one.get(), SHUT_WR);
  }
}

bool open_browser(const std::string& url) {
  if (const char* browser = find_variable("BROWSER")) return start(browser, url);
  if (!find_variable("DISPLAY") && !find_variable("WAYLAND_DISPLAY")) return false;
  return start("xdg-open", url) || start("sensible-browser", url);
}

}  // namespace ionian::cli
