// What containers reach and what they do not. The test's own network namespace is the host, a
// second one the world.
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <sys/socket.h>

#include <csignal>
#include <ranges>
#include <set>
#include <sstream>
#include <thread>

#include "container/network_fixture.h"
#include "container/nft.h"

namespace ionian::container {
namespace {

constexpr const char* kRefused = "connect: Connection refused\n";
constexpr const char* kSilence = "connect: Operation now in progress\n";
constexpr const char* kReached = "connect: ok\n";

using NetworkTest = NetworkFixture;

TEST_F(NetworkTest, ReachesTheWorldUnderTheAddressOfTheHost) {
  const UniqueFd server = listen(world_.get(), "203.0.113.5", 8080);
  EXPECT_EQ(tcp("203.0.113.5", 8080), kReached);
  sockaddr_in from{};
  socklen_t length = sizeof from;
  const UniqueFd client(::accept(server.get(), reinterpret_cast<sockaddr*>(&from), &length));
  EXPECT_EQ(ntohl(from.sin_addr.s_addr), kHost);
}

TEST_F(NetworkTest, ReachesNoAddressOfTheHost) {
  const UniqueFd home = current_netns();
  const std::string bridge = address_of(home.get(), "ioni");
  ASSERT_NE(bridge, "");
  const UniqueFd server = listen(home.get(), "0.0.0.0", 8081);
  EXPECT_EQ(tcp("127.0.0.1", 8081), kRefused);  // its own, where nobody listens
  EXPECT_EQ(tcp("192.0.2.2", 8081), kSilence);
  EXPECT_EQ(tcp(bridge, 8081), kSilence);
}

TEST_F(NetworkTest, ReachesNoOtherContainer) {
  const ContainerSpec wanted = nat({"serve", "8082"});
  const Pipes pipes = launch(wanted);
  const ContainerEvent started = next(wanted.id());
  ASSERT_EQ(started.kind, ContainerEvent::kStarted) << started.error;
  EXPECT_EQ(read_line(pipes.out), "serving");
  const std::string address = address_of(started.netns.get(), "eth0");
  ASSERT_NE(address, "");
  const std::string said = tcp(address, 8082);
  EXPECT_TRUE(said == kSilence || said == "connect: No route to host\n") << said;
  // It does listen: seen from inside of its own network.
  EXPECT_OK_(in_netns(started.netns.get(), [&]() -> Result<void> {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!client) return sys_fail("socket");
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(8082)};
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    if (::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      return sys_fail("connect");
    return {};
  }));
}

TEST_F(NetworkTest, ReachesNoLinkLocalAddress) {
  const UniqueFd server = listen(world_.get(), "169.254.169.254", 80);
  EXPECT_EQ(tcp("169.254.169.254", 80), kSilence);
}

// Its rules are those of IPv4 only.
TEST_F(NetworkTest, ThereIsNoIPv6) {
  ASSERT_EQ(::access("/proc/net/if_inet6", F_OK), 0) << "this machine has none to be switched off";
  const std::string off = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
  for (const Network network : {NETWORK_NONE, NETWORK_NAT}) {
    ContainerSpec wanted = spec({"lines"});
    wanted.set_network(network);
    const Pipes pipes = launch(wanted);
    EXPECT_EQ(read_line(pipes.out), "ready");
    EXPECT_EQ(ask(pipes, "cat /proc/net/if_inet6"), "");
    EXPECT_EQ(ask(pipes, cat("write ", off, " 0")), cat(off, ": Read-only file system\n"));
  }
  // The ports of the bridge have addresses, but what comes in at a port goes to the bridge.
  int bridges = 0;
  for (const auto& link : std::filesystem::directory_iterator("/proc/sys/net/ipv6/conf"))
    if (const std::string name = link.path().filename();
        name.starts_with("ioni") && name.find('v', 4) == std::string::npos) {
      ++bridges;
      EXPECT_EQ(*read_file(link.path() / "disable_ipv6"), "1\n") << name;
    }
  EXPECT_EQ(bridges, 1);
}

TEST_F(NetworkTest, AllowedHostsAreReachable) {
  const UniqueFd home = current_netns();
  const UniqueFd open = listen(home.get(), "192.0.2.2", 8083);
  const UniqueFd closed = listen(home.get(), "192.0.2.2", 8084);
  const UniqueFd metadata = listen(world_.get(), "169.254.169.254", 80);
  start({"192.0.2.2:8083", "169.254.169.254:80"});
  EXPECT_EQ(tcp("192.0.2.2", 8083), kReached);
  EXPECT_EQ(tcp("192.0.2.2", 8084), kSilence);
  EXPECT_EQ(tcp("169.254.169.254", 80), kReached);

  spawner_.reset();
  const auto refused = Spawner::start({.executable = TEST_SPAWNER,
                                       .run_dir = folder_ + "/run",
                                       .name = name_,
                                       .allow_hosts = {"example.com:80"}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("'example.com:80' is not ADDR:PORT"), std::string::npos);
}

TEST_F(NetworkTest, WithoutNetworkThereIsOnlyTheLocalAddress) {
  const UniqueFd server = listen(world_.get(), "203.0.113.5", 8085);
  EXPECT_EQ(output({"tcp", "203.0.113.5", "8085"}), "connect: Network is unreachable\n");
  EXPECT_EQ(output({"cat", "/proc/net/dev"}).find("eth0"), std::string::npos);
}

TEST_F(NetworkTest, TheServerListensInsideOfContainers) {
  for (const Network network : {NETWORK_NONE, NETWORK_NAT}) {
    ContainerSpec wanted = spec({"echo"});
    wanted.set_network(network);
    Pipes pipes = launch(wanted);
    const ContainerEvent started = next(wanted.id());
    ASSERT_EQ(started.kind, ContainerEvent::kStarted) << started.error;
    const UniqueFd server = listen(started.netns.get(), kLocalAddress, 9000);
    const UniqueFd udp = std::move(*udp_in(started.netns.get(), kLocalAddress, 9000));
    EXPECT_OK_(in_netns(started.netns.get(), [&]() -> Result<void> {
      const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (!client) return sys_fail("socket");
      sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(9000)};
      ::inet_pton(AF_INET, kLocalAddress, &to.sin_addr);
      if (::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
        return sys_fail("connect");
      return {};
    }));
    const UniqueFd client(::accept(server.get(), nullptr, nullptr));
    EXPECT_TRUE(client);
    pipes.in.reset();
    EXPECT_EQ(next(wanted.id()).exit_code, 0);
  }
}

class DnsTest : public NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    // On the host's loopback, as systemd-resolved is.
    const UniqueFd home = current_netns();
    Result<UniqueFd> udp = udp_in(home.get(), "127.9.9.9", 53);
    ASSERT_OK(udp);
    udp_ = std::move(*udp);
    tcp_ = listen(home.get(), "127.9.9.9", 53);
    spawner_.reset();
    ASSERT_OK(write_file(folder_ + "/resolv.conf", "search x\nnameserver 127.9.9.9\n"));
    auto started = Spawner::start({.executable = TEST_SPAWNER,
                                   .run_dir = folder_ + "/run",
                                   .name = name_,
                                   .resolver_file = folder_ + "/resolv.conf"});
    ASSERT_OK(started);
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    spawner_ = std::move(*started);
  }

  // The question, marked as an answer with one record.
  static std::string answer(std::string packet, std::size_t head) {
    packet[head + 2] = static_cast<char>(0x81);
    packet[head + 7] = 1;
    return packet;
  }
  void answer_udp() {
    char buffer[600];
    pollfd readable{.fd = udp_.get(), .events = POLLIN};
    ::poll(&readable, 1, 10'000);
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t n = ::recvfrom(udp_.get(), buffer, sizeof buffer, MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &length);
    const std::string reply = answer(std::string(buffer, n > 0 ? n : 12), 0);
    ::sendto(udp_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
  }
  void answer_tcp() {
    char buffer[600];
    pollfd readable{.fd = tcp_.get(), .events = POLLIN};
    ::poll(&readable, 1, 10'000);
    const UniqueFd client(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const ssize_t n = ::read(client.get(), buffer, sizeof buffer);
    (void)write_all(client.get(), answer(std::string(buffer, n > 0 ? n : 14), 2));
  }
  // The spawner's child that has no right.
  pid_t forwarder() const {
    const std::string pid = cat(spawner_->pid());
    std::istringstream children(*read_file(cat("/proc/", pid, "/task/", pid, "/children")));
    for (pid_t child; children >> child;)
      if (const auto status = read_file(cat("/proc/", child, "/status"));
          status && status->find("Uid:\t65534\t65534") != std::string::npos)
        return child;
    return 0;
  }

  static constexpr const char* kAnswered = "id 1234 code 0 answers some\n";
  UniqueFd udp_, tcp_;
};

TEST_F(DnsTest, NamesAreResolvedByTheHostsResolver) {
  EXPECT_EQ(run(nat({"cat", "/etc/resolv.conf"})).out, "nameserver 172.21.0.1\n");
  std::thread resolver([&] { answer_udp(), answer_tcp(); });
  EXPECT_EQ(run(nat({"dns", "172.21.0.1", "name.example"})).out, kAnswered);
  EXPECT_EQ(run(nat({"dns_tcp", "172.21.0.1", "name.example"})).out, kAnswered);
  resolver.join();
}

TEST_F(DnsTest, AnotherForwarderTakesThePlaceOfOneThatEnds) {
  std::set<pid_t> forwarders;
  // The first is a copy of the spawner, the others were started afresh.
  for (int life = 0; life < 3; ++life) {
    std::thread resolver([&] { answer_udp(), answer_tcp(); });
    EXPECT_EQ(run(nat({"dns", "172.21.0.1", "name.example"})).out, kAnswered);
    EXPECT_EQ(run(nat({"dns_tcp", "172.21.0.1", "name.example"})).out, kAnswered);
    resolver.join();
    const pid_t pid = forwarder();
    ASSERT_GT(pid, 0);
    forwarders.insert(pid);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  }
  EXPECT_EQ(forwarders.size(), 3u);
}

// Containers remember it: with another one, all that live would be cut off until they ask again.
TEST_F(NetworkTest, TheBridgeKeepsItsAddressWhileContainersComeAndGo) {
  const ContainerSpec wanted = nat({"serve", "8082"});
  const Pipes pipes = launch(wanted);
  ASSERT_EQ(next(wanted.id()).kind, ContainerEvent::kStarted);
  const auto is_bridge = [](const auto& link) { return link.first.ends_with('b'); };
  const auto links = hardware_addresses("ioni");
  const auto bridge = std::ranges::find_if(links, is_bridge);
  ASSERT_NE(bridge, links.end());
  ASSERT_GT(links.size(), 1u);
  EXPECT_EQ(std::ranges::count(std::views::values(links), bridge->second), 1);  // none of theirs
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(run(nat({"hello"})).out, "hello\n");
    EXPECT_EQ(hardware_addresses("ioni")[bridge->first], bridge->second);
  }
}

TEST_F(NetworkTest, NothingStaysBehind) {
  EXPECT_EQ(run(nat({"hello"})).out, "hello\n");
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/conf/uplink/forwarding"), "1\n");
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/ip_forward"), "0\n");
  spawner_.reset();
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/conf/uplink/forwarding"), "0\n");
  EXPECT_EQ(read_file("/proc/net/dev")->find("ioni"), std::string::npos);
  EXPECT_FALSE(run_nft(cat("delete table inet ionian_", name_, "\n")).has_value());
}

TEST_F(NetworkTest, NothingStaysBehindOfOneThatIsKilled) {
  EXPECT_EQ(run(nat({"hello"})).out, "hello\n");
  ASSERT_EQ(::kill(spawner_->pid(), SIGKILL), 0);
  spawner_.reset();
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/conf/uplink/forwarding"), "1\n");
  // The next life knows what the flag was before.
  start({});
  spawner_.reset();
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/conf/uplink/forwarding"), "0\n");
  EXPECT_EQ(read_file("/proc/net/dev")->find("ioni"), std::string::npos);
  EXPECT_FALSE(run_nft(cat("delete table inet ionian_", name_, "\n")).has_value());
}

// As Docker and ufw leave it.
TEST_F(NetworkTest, AFirewallThatDropsWhatIsForwardedIsSaidAndHowItLetsContainersPass) {
  const auto add = [](const std::string& text) { ASSERT_OK(run_nft(text)); };
  add("add table ip filter\n"
      "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }\n");
  spawner_.reset();
  start({});
  EXPECT_NE(spawner_->network_warning().find("(table ip filter)"), std::string::npos)
      << spawner_->network_warning();
  const UniqueFd server = listen(world_.get(), "203.0.113.5", 8088);
  EXPECT_EQ(tcp("203.0.113.5", 8088), kSilence);
  // What `iptables -I FORWARD -i ioni+ -j ACCEPT` does.
  add("insert rule ip filter FORWARD iifname \"ioni*\" accept\n"
      "insert rule ip filter FORWARD oifname \"ioni*\" accept\n");
  spawner_.reset();
  start({});
  EXPECT_EQ(spawner_->network_warning(), "");
  EXPECT_EQ(tcp("203.0.113.5", 8088), kReached);
  add("delete table ip filter\n");
}

TEST_F(NetworkTest, TwoServersShareTheUplink) {
  const UniqueFd server = listen(world_.get(), "203.0.113.5", 8087);
  std::unique_ptr<Spawner> first = std::move(spawner_);
  auto second = Spawner::start(
      {.executable = TEST_SPAWNER, .run_dir = folder_ + "/run2", .name = name_ + "-second"});
  ASSERT_OK(second);
  ASSERT_EQ((*second)->network_warning(), "");
  for (auto* each : {&first, &*second}) {
    spawner_ = std::move(*each);
    EXPECT_EQ(tcp("203.0.113.5", 8087), kReached);
    *each = std::move(spawner_);
  }
  first.reset();
  spawner_ = std::move(*second);
  EXPECT_EQ(tcp("203.0.113.5", 8087), kReached);
  spawner_.reset();
  EXPECT_EQ(*read_file("/proc/sys/net/ipv4/conf/uplink/forwarding"), "0\n");
}

using NoUplinkTest = JailFixture;

TEST_F(NoUplinkTest, SaysThatThereIsNoNetworkAndWorks) {
  EXPECT_EQ(spawner_->network_warning(),
            "containers have no network: the host has no default route");
  ContainerSpec wanted = spec({"tcp", "203.0.113.5", "80"});
  wanted.set_network(NETWORK_NAT);
  EXPECT_EQ(run(wanted).out, "connect: Network is unreachable\n");
}

}  // namespace
}  // namespace ionian::container
