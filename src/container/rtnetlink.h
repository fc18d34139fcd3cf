#pragma once
// Links, addresses and routes, by the kernel's own messages: starting `ip` costs more than a
// container.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

struct Veth {
  std::string name;
  std::string peer;
  int peer_netns = -1;
  int mtu = 1500;
  std::uint32_t group = 0;
};

using HardwareAddress = std::array<std::uint8_t, 6>;

// Speaks to the network namespace in which it was opened.
class RtNetlink {
 public:
  static Result<RtNetlink> open();

  Result<void> add_bridge(const std::string& name, const HardwareAddress& address,
                          std::uint32_t group);
  // Both ends down; `peer` stands in the other namespace.
  Result<void> add_veth(const Veth& veth);
  // A port that the other isolated ports of its bridge cannot reach.
  Result<void> add_isolated_port(const std::string& name, const std::string& bridge);
  Result<void> set_up(const std::string& name);
  // All links of that group. An error if there is none.
  Result<void> remove_group(std::uint32_t group);
  // Addresses in host order.
  Result<void> add_address(const std::string& name, std::uint32_t address, int prefix_length);
  Result<void> add_default_route(std::uint32_t gateway);

 private:
  class Message;
  Result<void> send(Message& message, std::string_view attempted);

  UniqueFd socket_;
};

}  // namespace ionian::container
