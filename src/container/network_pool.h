#pragma once
// Network namespaces for containers, made ahead of their need: one with a link costs more than all
// the rest of a container's start.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/calm.h"
#include "container/dns_forwarder.h"
#include "container/nat.h"
#include "container/spec.pb.h"

namespace ionian::container {

// One container's. Never used for another: connections of the former would live on in it.
struct NetworkLease {
  UniqueFd netns;
  std::uint32_t address = 0;  // 0: only `lo`
  std::uint64_t dns = 0;      // 0: none
};

struct NetworkOptions {
  std::string name;
  std::vector<std::string> allow_hosts;
  std::string resolver_file;
};

class NetworkPool {
 public:
  // INVALID_ARGUMENT for allow_hosts. A machine without the rights or parts for NAT is no error:
  // see warning().
  static Result<NetworkPool> open(const NetworkOptions& options);

  // Without NAT on this machine, both kinds have only `lo`.
  Result<NetworkLease> take(Network kind);
  // Makes one of a namespace that is there already.
  Result<NetworkLease> furnish(Network kind, UniqueFd netns);
  void give_back(NetworkLease lease);
  // A child of this process has ended; true if it was one of the pool's, which then has another.
  bool child_ended(pid_t pid);
  // Makes one ahead of its need; false if there is nothing to make.
  bool refill(Stock stock);

  // Empty, or why containers have no network, or may have none.
  const std::string& warning() const { return warning_; }

 private:
  Result<NetworkLease> make(Network kind);
  Result<NetworkLease> connect(Network kind, UniqueFd netns);

  std::unique_ptr<DnsForwarder> dns_;
  std::unique_ptr<Nat> nat_;
  std::string warning_;
  std::uint64_t last_dns_ = 0;
  std::vector<NetworkLease> ready_[2];  // by Network
};

}  // namespace ionian::container
