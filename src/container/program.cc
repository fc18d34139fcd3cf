#include "container/program.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/cat.h"

namespace ionian::container {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace

Program::Program(const Args& args, const Env& env, const User& user) {
  for (const std::string& arg : args) args_.push_back(const_cast<char*>(arg.c_str()));
  args_.push_back(nullptr);
  for (const auto& [name, value] : env) env_text_.push_back(cat(name, "=", value));
  if (!env.contains("HOME") && !user.home.empty()) env_text_.push_back(cat("HOME=", user.home));
  for (std::string& text : env_text_) env_.push_back(text.data());
  env_.push_back(nullptr);

  const std::string& name = args.Get(0);
  if (name.find('/') != std::string::npos) {
    candidates_ = {name};
    return;
  }
  const auto path = env.find("PATH");
  std::string_view rest = path == env.end() ? kDefaultPath : std::string_view(path->second);
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    candidates_.push_back(cat(folder.empty() ? "." : folder, "/", name));
  }
}

int Program::replace_this_process(const int (&stdio)[3], const User& user) {
  for (int fd = 0; fd < 3; ++fd)
    if (::dup2(stdio[fd], fd) < 0) return errno;
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
  for (const std::string& path : candidates_) {
    ::execve(path.c_str(), args_.data(), env_.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  return error;
}

}  // namespace ionian::container
