#pragma once
// For tests: the test's own network namespace is the host, a second one the world behind its
// default route.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <map>

#include "container/jail_fixture.h"
#include "container/netns.h"
#include "container/rtnetlink.h"

namespace ionian::container {

inline constexpr std::uint32_t kHost = 0xC000'0202;      // 192.0.2.2
inline constexpr std::uint32_t kGateway = 0xC000'0201;   // 192.0.2.1
inline constexpr std::uint32_t kWorld = 0xCB00'7105;     // 203.0.113.5
inline constexpr std::uint32_t kMetadata = 0xA9FE'A9FE;  // 169.254.169.254
class NetworkFixture : public JailFixture {
 protected:
  void SetUp() override {
    enter_private_network();
    Result<RtNetlink> host = RtNetlink::open();
    ASSERT_OK(host);
    (void)host->remove_group(kGroup);
    auto world = make_netns();
    ASSERT_OK(world);
    world_ = std::move(*world);
    ASSERT_OK(host->add_veth(
        {.name = "uplink", .peer = "eth0", .peer_netns = world_.get(), .group = kGroup}));
    ASSERT_OK(host->set_up("lo"));
    ASSERT_OK(host->set_up("uplink"));
    ASSERT_OK(host->add_address("uplink", kHost, 24));
    ASSERT_OK(in_netns(world_.get(), []() -> Result<void> {
      ASSIGN_OR_RETURN(RtNetlink inside, RtNetlink::open());
      TRY(inside.set_up("eth0"));
      TRY(inside.add_address("eth0", kGateway, 24));
      TRY(inside.add_address("lo", kWorld, 32));
      return inside.add_address("lo", kMetadata, 32);
    }));
    ASSERT_OK(host->add_default_route(kGateway));
    JailFixture::SetUp();
    ASSERT_EQ(spawner_->network_warning(), "");
  }
  void TearDown() override {
    JailFixture::TearDown();
    if (Result<RtNetlink> host = RtNetlink::open()) (void)host->remove_group(kGroup);
  }

  ContainerSpec nat(std::vector<std::string> args) {
    ContainerSpec made = spec(std::move(args));
    made.set_network(NETWORK_NAT);
    return made;
  }
  std::string tcp(const std::string& ip, int port) { return run(nat({"tcp", ip, cat(port)})).out; }
  static UniqueFd current_netns() {
    return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }
  // A listener of the host or the world.
  static UniqueFd listen(int netns, const std::string& ip, int port) {
    Result<UniqueFd> fd = listen_in(netns, ip, static_cast<std::uint16_t>(port));
    EXPECT_TRUE(fd.has_value()) << (fd ? "" : fd.error().message);
    return fd ? std::move(*fd) : UniqueFd();
  }
  static std::string address_of(int netns, const std::string& link) {
    std::string found;
    (void)in_netns(netns, [&]() -> Result<void> {
      ifaddrs* all = nullptr;
      ::getifaddrs(&all);
      for (ifaddrs* each = all; each; each = each->ifa_next)
        if (each->ifa_addr && each->ifa_addr->sa_family == AF_INET &&
            std::string_view(each->ifa_name).starts_with(link))
          found = ::inet_ntoa(reinterpret_cast<sockaddr_in*>(each->ifa_addr)->sin_addr);
      ::freeifaddrs(all);
      return {};
    });
    return found;
  }
  // Of the host's links whose names begin so, by name.
  static std::map<std::string, std::string> hardware_addresses(const std::string& prefix) {
    std::map<std::string, std::string> found;
    ifaddrs* all = nullptr;
    ::getifaddrs(&all);
    for (ifaddrs* each = all; each; each = each->ifa_next)
      if (each->ifa_addr && each->ifa_addr->sa_family == AF_PACKET &&
          std::string_view(each->ifa_name).starts_with(prefix)) {
        const auto* link = reinterpret_cast<const sockaddr_ll*>(each->ifa_addr);
        found[each->ifa_name].assign(link->sll_addr, link->sll_addr + link->sll_halen);
      }
    ::freeifaddrs(all);
    return found;
  }

  static constexpr std::uint32_t kGroup = 77;
  UniqueFd world_;
};

}  // namespace ionian::container
