#include "container/served.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "container/packet.h"
#include "container/rootfs.h"

namespace ionian::container {
namespace {

constexpr std::string_view kOwnerArg = "OWNER";
// Where the device stands in the server, out of the way of what programs open themselves.
constexpr int kDevice = 9;
constexpr uid_t kNobody = 65534;

int say_error(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  return 1;
}

int give_device(const char* text) {
  int to = -1;
  std::from_chars(text, text + std::strlen(text), to);
  if (!send_packet(to, std::string(1, '\0'), {kDevice}, Wait::kYes))
    return say_error("give the device away");
  return 0;
}

int become_server(char** args) {
  if (::dup2(STDIN_FILENO, kDevice) < 0) return say_error("hold the device");
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0) return say_error("open /dev/null");
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0)
    return say_error("become nobody");
  ::execv(args[0], args);
  return say_error(args[0]);
}

}  // namespace

std::string server_id(const std::string& container, int index) {
  return cat(container, ".fs", index);
}

Result<std::vector<UniqueFd>> serve_all(const ContainerSpec& spec, const IdRange& ids, int err,
                                        const LaunchServer& launch) {
  std::vector<UniqueFd> mounts;
  for (int i = 0; i < spec.served_size(); ++i) {
    const Served& served = spec.served(i);
    ASSIGN_OR_RETURN(ServedMount made, mount_served(served, ids));
    ContainerSpec server = served.server();
    server.set_id(server_id(spec.id(), i));
    for (std::string& arg : *server.mutable_args())
      if (arg == kOwnerArg) arg = cat(ids.base);
    std::vector<UniqueFd> stdio;
    stdio.push_back(std::move(made.device));
    stdio.emplace_back();
    stdio.emplace_back(::fcntl(err, F_DUPFD_CLOEXEC, 3));
    if (Result<void> done = launch(std::move(server), std::move(stdio)); !done)
      return prepend(cat("serve ", served.target()), done.error());
    mounts.push_back(std::move(made.mount));
  }
  return mounts;
}

bool is_fusermount(const char* program) {
  const std::string_view path = program;
  return path.substr(path.rfind('/') + 1).starts_with(kFusermount);
}

int run_fusermount(int argc, char** argv) {
  if (const char* to = std::getenv("_FUSE_COMMFD")) return give_device(to);
  // It unmounts when it ends; the mount is not its own.
  if (argc < 2 || argv[1][0] != '/') return 0;
  return become_server(argv + 1);
}

}  // namespace ionian::container
