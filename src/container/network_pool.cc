#include "container/network_pool.h"

#include "container/netns.h"

namespace ionian::container {
namespace {

constexpr std::size_t kReady[] = {2, 6};  // by Network

}  // namespace

Result<NetworkPool> NetworkPool::open(const NetworkOptions& options) {
  NetworkPool pool;
  Nat::remove_orphans(options.name);
  Result<std::unique_ptr<Nat>> nat = Nat::open(options.name, options.allow_hosts);
  if (!nat && nat.error().code == Code::kInvalidArgument) return std::unexpected(nat.error());
  if (!nat) {
    pool.warning_ = cat("containers have no network: ", nat.error().message);
    return pool;
  }
  pool.nat_ = std::move(*nat);
  pool.warning_ = pool.nat_->warning();
  ASSIGN_OR_RETURN(pool.dns_, DnsForwarder::start(options.resolver_file));
  return pool;
}

Result<NetworkLease> NetworkPool::make(Network kind) {
  ASSIGN_OR_RETURN(UniqueFd netns, make_netns());
  return connect(kind, std::move(netns));
}

Result<NetworkLease> NetworkPool::furnish(Network kind, UniqueFd netns) {
  TRY(furnish_netns(netns.get()));
  return connect(kind, std::move(netns));
}

Result<NetworkLease> NetworkPool::connect(Network kind, UniqueFd netns) {
  NetworkLease lease{.netns = std::move(netns)};
  if (kind == NETWORK_NONE || !nat_) return lease;
  ASSIGN_OR_RETURN(lease.address, nat_->connect(lease.netns.get()));
  lease.dns = ++last_dns_;
  TRY(dns_->add(lease.dns, lease.netns.get()));
  return lease;
}

Result<NetworkLease> NetworkPool::take(Network kind) {
  std::vector<NetworkLease>& ready = ready_[nat_ ? kind : NETWORK_NONE];
  if (ready.empty()) return make(kind);
  NetworkLease lease = std::move(ready.back());
  ready.pop_back();
  return lease;
}

void NetworkPool::give_back(NetworkLease lease) {
  if (lease.dns) dns_->remove(lease.dns);
  if (lease.address) nat_->give_back(lease.address);
}

bool NetworkPool::child_ended(pid_t pid) {
  if (!dns_ || dns_->pid() != pid) return false;
  dns_->revive();
  return true;
}

bool NetworkPool::refill(Stock stock) {
  for (const Network kind : {NETWORK_NAT, NETWORK_NONE}) {
    if (kind == NETWORK_NAT && !nat_) continue;
    if (ready_[kind].size() >= wanted(stock, kReady[kind])) continue;
    Result<NetworkLease> lease = make(kind);
    if (!lease) return false;
    ready_[kind].push_back(std::move(*lease));
    return true;
  }
  return false;
}

}  // namespace ionian::container
