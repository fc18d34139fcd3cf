#pragma once
// Network namespaces: making them ahead of their need, and opening sockets inside them from
// outside.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// Stands on the `lo` of every container; the SDKs take it for localhost.
inline constexpr const char* kLocalAddress = "172.21.0.1";

// A TCP listener, or a bound UDP socket, on an address inside the namespace. Non-blocking and
// close-on-exec. The calling thread is back in its own namespace when they return. A socket keeps
// its namespace alive.
//   errors   INVALID_ARGUMENT not an IPv4 address · INTERNAL with errno's text, as address in use
Result<UniqueFd> listen_in(int netns_fd, const std::string& ip, std::uint16_t port);
Result<UniqueFd> udp_in(int netns_fd, const std::string& ip, std::uint16_t port);

// Runs `inside` with the calling thread in another network namespace, and comes back.
Result<void> in_netns(int netns_fd, const std::function<Result<void>()>& inside);

// A new namespace with `lo` up and 172.21.0.1 on it, without IPv6, where every port may be bound
// without rights. It belongs to the host's user namespace, or to one that is nobody's where the
// host's root lacks CAP_NET_ADMIN: a container in it has no power over it.
Result<UniqueFd> make_netns();
// The same for one that is there.
Result<void> furnish_netns(int netns_fd);

}  // namespace ionian::container
