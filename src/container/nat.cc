#include "container/nat.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>
#include <sstream>

#include "base/file.h"
#include "base/log.h"
#include "container/forwarding.h"
#include "container/netns.h"
#include "container/nft.h"

namespace ionian::container {
namespace {

// 198.18.0.0/15 is set aside for tests of equipment, and so no one's address. Each server takes a
// /20 of it.
constexpr std::uint32_t kFirstSubnet = 0xC612'0000;
constexpr std::uint32_t kSubnets = 32;
constexpr int kPrefixLength = 20;
constexpr std::uint32_t kSubnetSize = 1U << (32 - kPrefixLength);
constexpr const char* kLinkPrefix = "ioni";  // of every bridge and link of every server

std::uint32_t hash(const std::string& name) {
  std::uint32_t value = 2166136261;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 16777619;
  return value;
}

// Interface names have 15 characters: ours are ioniHHHHHb and ioniHHHHHvNNNNN.
std::string link_prefix(const std::string& name) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text = kLinkPrefix;
  for (std::uint32_t value = hash(name), i = 0; i < 5; ++i, value >>= 4) text += digits[value & 15];
  return text;
}

// Links of one server are a group, which the kernel removes in one step; one by one each costs 17
// ms.
std::uint32_t link_group(const std::string& name) { return 0x4000'0000 | hash(name) >> 4; }

std::string table(const std::string& name) { return "ionian_" + name; }

std::string dotted(std::uint32_t address) {
  const in_addr in{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &in, text, sizeof text);
}

// One that nobody has bought. A bridge without an address of its own takes the lowest of its
// links': once that link goes, the containers that remain send to nobody until they have forgotten
// it, which takes half a minute.
HardwareAddress hardware_address(std::uint32_t address) {
  HardwareAddress made = {0x02, 0x49};
  for (int i = 0; i < 4; ++i) made[2 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  return made;
}

struct Route {
  std::string link;
  std::uint32_t destination, mask;
  int metric;
};

std::vector<Route> routes() {
  std::vector<Route> all;
  std::istringstream text(read_file("/proc/net/route").value_or(""));
  std::string line;
  std::getline(text, line);
  while (std::getline(text, line)) {
    std::istringstream fields(line);
    Route route;
    std::string destination, gateway, flags, count, use, metric, mask;
    fields >> route.link >> destination >> gateway >> flags >> count >> use >> metric >> mask;
    route.destination = ntohl(static_cast<std::uint32_t>(std::strtoul(destination.c_str(), 0, 16)));
    route.mask = ntohl(static_cast<std::uint32_t>(std::strtoul(mask.c_str(), 0, 16)));
    route.metric = std::atoi(metric.c_str());
    all.push_back(route);
  }
  return all;
}

Result<std::string> find_uplink() {
  const Route* best = nullptr;
  const std::vector<Route> all = routes();
  for (const Route& route : all)
    if (route.mask == 0 && (!best || route.metric < best->metric)) best = &route;
  if (!best) return fail(Code::kFailedPrecondition, "the host has no default route");
  return best->link;
}

int mtu_of(const std::string& link) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  link.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return ::ioctl(socket.get(), SIOCGIFMTU, &request) == 0 ? request.ifr_mtu : 1500;
}

UniqueFd lock_subnet(std::uint32_t subnet) {
  UniqueFd lock(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string name = cat("ionian-subnet-", subnet);
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (lock && ::bind(lock.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) lock.reset();
  return lock;
}

// "ADDR:PORT" as nft writes the pair.
Result<std::string> parse_host(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string ip = text.substr(0, colon);
  in_addr address;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  if (colon != std::string::npos && ::inet_pton(AF_INET, ip.c_str(), &address) == 1 &&
      std::from_chars(text.data() + colon + 1, end, port).ptr == end && port > 0)
    return cat(ip, " . ", port);
  return fail(Code::kInvalidArgument, "allowed host '", text, "' is not ADDR:PORT");
}

struct RuleNames {
  std::string table, bridge, uplink, subnet, allowed;
  bool guard_uplink;
};

std::string rules(const RuleNames& names) {
  const std::string from = cat("    iifname \"", names.bridge, "\" ");
  const std::string allow =
      names.allowed.empty() ? ""
                            : cat(from, "ip daddr . tcp dport { ", names.allowed, " } accept\n",
                                  from, "ip daddr . udp dport { ", names.allowed, " } accept\n");
  return cat(
      "table inet ", names.table, " {\n  chain input {\n",
      "    type filter hook input priority -10; policy accept;\n", allow, from, "drop\n  }\n",
      "  chain forward {\n    type filter hook forward priority -10; policy accept;\n", from,
      "oifname \"", kLinkPrefix, "*\" drop\n",                                          //
      allow,                                                                            //
      from, "meta nfproto != ipv4 drop\n",                                              //
      from, "ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } drop\n",  //
      from, "oifname != \"", names.uplink, "\" drop\n",                                 //
      "    oifname \"", names.bridge, "\" ct state established,related accept\n",       //
      "    oifname \"", names.bridge, "\" drop\n",
      names.guard_uplink
          ? cat("    iifname \"", names.uplink, "\" oifname != \"", kLinkPrefix, "*\" drop\n")
          : "",
      "  }\n  chain postrouting {\n    type nat hook postrouting priority 100; policy accept;\n",
      "    ip saddr ", names.subnet, " oifname \"", names.uplink, "\" masquerade\n  }\n}\n");
}

}  // namespace

Result<std::unique_ptr<Nat>> Nat::open(const std::string& name,
                                       const std::vector<std::string>& allow_hosts) {
  for (const std::string& host : allow_hosts) TRY(parse_host(host));
  std::unique_ptr<Nat> nat(new Nat);
  nat->name_ = name;
  nat->bridge_ = link_prefix(name) + "b";
  ASSIGN_OR_RETURN(nat->uplink_, find_uplink());
  nat->mtu_ = mtu_of(nat->uplink_);
  TRY(nat->choose_subnet());
  TRY(nat->make_bridge());
  ASSIGN_OR_RETURN(nat->forwarding_, ForwardingFlag::hold(nat->uplink_));
  // The rules stand before the first container, and so before anything is forwarded.
  TRY(nat->add_rules(allow_hosts));
  TRY(nat->forwarding_->switch_on());
  TRY(write_file(cat("/proc/sys/net/ipv4/conf/", nat->bridge_, "/forwarding"), "1"));
  // What our rules let pass, those of others may still drop.
  if (const std::string drops = find_forward_drop(kLinkPrefix); !drops.empty())
    nat->warning_ = cat(
        "containers may reach nothing: this machine's firewall (table ", drops,
        ") drops what is forwarded. Let containers' links pass, as with `iptables -I FORWARD -i ",
        kLinkPrefix, "+ -j ACCEPT` and `iptables -I FORWARD -o ", kLinkPrefix, "+ -j ACCEPT`");
  return nat;
}

void Nat::remove_orphans(const std::string& name) {
  if (Result<RtNetlink> netlink = RtNetlink::open()) (void)netlink->remove_group(link_group(name));
  // Adding first makes it an error only where there is no nft at all.
  (void)run_nft(cat("add table inet ", table(name), "\ndelete table inet ", table(name), "\n"));
}

Nat::~Nat() {
  forwarding_.reset();
  remove_orphans(name_);
}

Result<void> Nat::choose_subnet() {
  const std::vector<Route> taken = routes();
  for (std::uint32_t i = 0; i < kSubnets && !subnet_lock_; ++i) {
    subnet_ = kFirstSubnet + i * kSubnetSize;
    bool free = true;
    for (const Route& route : taken) {
      const std::uint32_t wider = route.mask & ~(kSubnetSize - 1);
      if (route.mask != 0 && (route.destination & wider) == (subnet_ & wider)) free = false;
    }
    if (free) subnet_lock_ = lock_subnet(subnet_);
  }
  if (!subnet_lock_) return fail(Code::kFailedPrecondition, "no free subnet in 198.18.0.0/15");
  return {};
}

Result<void> Nat::make_bridge() {
  ASSIGN_OR_RETURN(RtNetlink netlink, RtNetlink::open());
  TRY(netlink.add_bridge(bridge_, hardware_address(subnet_ + 1), link_group(name_)));
  const std::string no_ipv6 = cat("/proc/sys/net/ipv6/conf/", bridge_, "/disable_ipv6");
  if (::access(no_ipv6.c_str(), F_OK) == 0) TRY(write_file(no_ipv6, "1"));
  TRY(netlink.add_address(bridge_, subnet_ + 1, kPrefixLength));
  return netlink.set_up(bridge_);
}

Result<void> Nat::add_rules(const std::vector<std::string>& allow_hosts) {
  std::string allowed;
  for (const std::string& host : allow_hosts) {
    ASSIGN_OR_RETURN(const std::string pair, parse_host(host));
    cat_to(allowed, allowed.empty() ? "" : ", ", pair);
  }
  TRY(run_nft(rules({.table = table(name_),
                     .bridge = bridge_,
                     .uplink = uplink_,
                     .subnet = cat(dotted(subnet_), "/", kPrefixLength),
                     .allowed = allowed,
                     .guard_uplink = forwarding_->was_off()})));
  return {};
}

Result<std::uint32_t> Nat::take_address() {
  // The longest unused one: a late packet for a former holder finds nobody.
  if (fresh_ < kSubnetSize - 3) return subnet_ + 2 + fresh_++;
  if (free_.empty())
    return fail(Code::kResourceExhausted, "all addresses of containers are in use");
  const std::uint32_t address = free_.front();
  free_.erase(free_.begin());
  return address;
}

Result<std::uint32_t> Nat::connect(int netns) {
  ASSIGN_OR_RETURN(const std::uint32_t address, take_address());
  std::string link;
  do {
    link = cat(link_prefix(name_), "v", links_++ % 100'000);
  } while (::if_nametoindex(link.c_str()) != 0);  // one that has lived for 100,000 others
  const auto furnish = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(RtNetlink outside, RtNetlink::open());
    TRY(outside.add_veth({.name = link,
                          .peer = "eth0",
                          .peer_netns = netns,
                          .mtu = mtu_,
                          .group = link_group(name_)}));
    TRY(outside.add_isolated_port(link, bridge_));
    return in_netns(netns, [&]() -> Result<void> {
      ASSIGN_OR_RETURN(RtNetlink inside, RtNetlink::open());
      TRY(inside.set_up("eth0"));
      TRY(inside.add_address("eth0", address, kPrefixLength));
      return inside.add_default_route(subnet_ + 1);
    });
  };
  if (Result<void> done = furnish(); !done) {
    give_back(address);
    return std::unexpected(done.error());
  }
  return address;
}

}  // namespace ionian::container
