#pragma once
// The way out of containers: a bridge of our own, address translation, and the rules of default
// deny.
//
// A container reaches the world beyond the host's default route, and by default nothing else: no
// address of the host, no other container, no link-local address (the metadata services of clouds),
// no multicast, no IPv6. Forwarding is switched on for the bridge and the uplink alone; while it
// would otherwise be off for the uplink, whatever comes in there and is not for a container is
// still dropped.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/rtnetlink.h"

namespace ionian::container {

class ForwardingFlag;

class Nat {
 public:
  // INVALID_ARGUMENT: an allowed host that is not "ADDR:PORT" with an IPv4 address. Any other
  // error: no network is to be had here, and why.
  static Result<std::unique_ptr<Nat>> open(const std::string& name,
                                           const std::vector<std::string>& allow_hosts);
  // What a former life of that name left behind: links and the nft table.
  static void remove_orphans(const std::string& name);
  // Removes all that was made and puts the forwarding flags back.
  ~Nat();

  // Empty, or what may keep containers from the world all the same.
  const std::string& warning() const { return warning_; }

  // Gives a namespace its eth0. Returns its address, which is to be given back.
  Result<std::uint32_t> connect(int netns);
  void give_back(std::uint32_t address) { free_.push_back(address); }

 private:
  Nat() = default;
  Result<void> choose_subnet();
  Result<void> make_bridge();
  Result<void> add_rules(const std::vector<std::string>& allow_hosts);
  Result<std::uint32_t> take_address();

  std::string name_;
  std::string bridge_;
  std::string uplink_;
  std::string warning_;
  int mtu_ = 0;
  std::uint32_t subnet_ = 0;
  UniqueFd subnet_lock_;
  std::uint32_t fresh_ = 0;
  std::vector<std::uint32_t> free_;
  std::uint32_t links_ = 0;
  std::unique_ptr<ForwardingFlag> forwarding_;
};

}  // namespace ionian::container
