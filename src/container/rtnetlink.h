#pragma once
// Links, addresses and routes, by the kernel's own messages: starting `ip` costs more than a
// container.
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// Speaks to the network namespace in which it was opened.
class RtNetlink {
 public:
  static Result<RtNetlink> open();

  Result<void> add_bridge(const std::string& name);
  // Both ends down; `peer` stands in the other namespace.
  Result<void> add_veth(const std::string& name, const std::string& peer, int peer_netns);
  // A port that the other isolated ports of its bridge cannot reach.
  Result<void> add_isolated_port(const std::string& name, const std::string& bridge);
  Result<void> set_up(const std::string& name);
  Result<void> remove(const std::string& name);
  // Addresses in host order.
  Result<void> add_address(const std::string& name, std::uint32_t address, int prefix_length);
  Result<void> add_default_route(std::uint32_t gateway);

 private:
  class Message;
  Result<void> send(Message& message, std::string_view attempted);

  UniqueFd socket_;
};

// Names of all links that begin with `prefix`.
std::vector<std::string> links_with_prefix(const std::string& prefix);

}  // namespace ionian::container
