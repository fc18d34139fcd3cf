#include "container/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>

#include "base/file.h"
#include "container/rtnetlink.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr int kBacklog = 128;

Result<UniqueFd> current_netns() {
  UniqueFd netns(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns) return sys_fail("open the network namespace");
  return netns;
}

Result<UniqueFd> bound_socket(int netns_fd, int type, const std::string& ip, std::uint16_t port) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  if (::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1)
    return fail(Code::kInvalidArgument, ip, " is not an IPv4 address");
  UniqueFd socket;
  TRY(in_netns(netns_fd, [&]() -> Result<void> {
    socket.reset(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return sys_fail("open a socket in the container");
    return {};
  }));
  // The socket stays in the namespace it was made in; the rest needs no visit.
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return sys_fail(cat("bind ", ip, ":", port, " in the container"));
  if (type == SOCK_STREAM && ::listen(socket.get(), kBacklog) != 0)
    return sys_fail(cat("listen on ", ip, ":", port, " in the container"));
  return socket;
}

// Written from inside: /proc/sys/net shows the namespace of the reader.
Result<void> furnish() {
  TRY(write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"));
  TRY(write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"));
  for (const char* scope : {"all", "default"}) {
    const std::string path = cat("/proc/sys/net/ipv6/conf/", scope, "/disable_ipv6");
    if (::access(path.c_str(), F_OK) == 0) TRY(write_file(path, "1"));
  }
  ASSIGN_OR_RETURN(RtNetlink netlink, RtNetlink::open());
  in_addr local;
  ::inet_pton(AF_INET, kLocalAddress, &local);
  TRY(netlink.set_up("lo"));
  return netlink.add_address("lo", ntohl(local.s_addr), 32);
}

// Where a root lacks CAP_NET_ADMIN, it has that power still over networks of user namespaces that
// it has made. Nobody lives in this one.
Result<UniqueFd> netns_of_other_users() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return sys_fail("make a pipe");
  const UniqueFd waits(ends[0]);
  UniqueFd lets_go(ends[1]);
  clone_args args{.flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD};
  const pid_t pid = sys_clone3(args);
  if (pid < 0) return sys_fail("make a network namespace");
  if (pid == 0) {
    ::close(lets_go.release());
    char byte;
    ::_exit(::read(waits.get(), &byte, 1) == 0 ? 0 : 1);
  }
  UniqueFd made(::open(cat("/proc/", pid, "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  lets_go.reset();
  ::waitpid(pid, nullptr, 0);
  errno = error;
  if (!made) return sys_fail("open the network namespace");
  return made;
}

}  // namespace

Result<void> in_netns(int netns_fd, const std::function<Result<void>()>& inside) {
  ASSIGN_OR_RETURN(const UniqueFd home, current_netns());
  if (::setns(netns_fd, CLONE_NEWNET) != 0) return sys_fail("enter a network namespace");
  Result<void> done = inside();
  // A thread that stays inside would open its later sockets in a tenant's network.
  CHECK(::setns(home.get(), CLONE_NEWNET) == 0);
  return done;
}

Result<UniqueFd> listen_in(int netns_fd, const std::string& ip, std::uint16_t port) {
  return bound_socket(netns_fd, SOCK_STREAM, ip, port);
}

Result<UniqueFd> udp_in(int netns_fd, const std::string& ip, std::uint16_t port) {
  return bound_socket(netns_fd, SOCK_DGRAM, ip, port);
}

Result<void> furnish_netns(int netns_fd) { return in_netns(netns_fd, furnish); }

Result<UniqueFd> make_netns() {
  if (!has_capability(CAP_NET_ADMIN)) {
    ASSIGN_OR_RETURN(UniqueFd made, netns_of_other_users());
    TRY(furnish_netns(made.get()));
    return made;
  }
  ASSIGN_OR_RETURN(const UniqueFd home, current_netns());
  if (::unshare(CLONE_NEWNET) != 0) return sys_fail("make a network namespace");
  Result<UniqueFd> made = current_netns();
  if (made)
    if (Result<void> done = furnish(); !done) made = std::unexpected(done.error());
  CHECK(::setns(home.get(), CLONE_NEWNET) == 0);
  return made;
}

}  // namespace ionian::container
