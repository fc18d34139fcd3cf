#include "container/dns_forwarder.h"

#include <grp.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "base/log.h"
#include "container/dns_relay.h"
#include "container/netns.h"
#include "container/packet.h"
#include "container/spec.pb.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr unsigned kNobody = 65534;
constexpr int kQuickEndsMax = 3;
constexpr auto kShortestLife = std::chrono::seconds(1);

[[noreturn]] void be_forwarder(int control, const std::string& resolver_file) {
  ::dup2(control, 3);
  ::close_range(4, ~0U, 0);
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0 ||
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    ::_exit(1);
  DnsRelay relay(UniqueFd(3), resolver_file);
  relay.run();
  ::_exit(0);
}

// A later one starts afresh: a copy of the spawner would hold what it has heard of containers.
[[noreturn]] void become_new_program(int control) {
  ::dup2(control, 3);
  ::close_range(4, ~0U, 0);
  ::execl("/proc/self/exe", "ionian", "spawner", "3", nullptr);
  ::_exit(1);
}

}  // namespace

void run_dns_forwarder(int control, const std::string& resolver_file) {
  be_forwarder(control, resolver_file);
}

Result<std::unique_ptr<DnsForwarder>> DnsForwarder::start(const std::string& resolver_file) {
  std::unique_ptr<DnsForwarder> forwarder(new DnsForwarder(resolver_file));
  TRY(forwarder->start_process(How::kAsCopy));
  return forwarder;
}

Result<void> DnsForwarder::start_process(How how) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return sys_fail("make a socket pair");
  control_.reset(pair[0]);
  const UniqueFd other(pair[1]);
  started_ = std::chrono::steady_clock::now();
  pid_ = ::fork();
  if (pid_ < 0) return sys_fail("start the DNS forwarder");
  if (pid_ == 0 && how == How::kAsCopy) be_forwarder(other.get(), resolver_file_);
  if (pid_ == 0) become_new_program(other.get());
  if (how == How::kAsCopy) return {};
  SpawnerRequest request;
  request.mutable_dns_forwarder()->set_resolver_file(resolver_file_);
  TRY(send_packet(control_.get(), request.SerializeAsString(), {}, Wait::kYes));
  for (const auto& [id, sockets] : sockets_) TRY(hand_over(id, sockets));
  return {};
}

DnsForwarder::~DnsForwarder() {
  control_.reset();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> DnsForwarder::hand_over(std::uint64_t id, const Sockets& sockets) {
  std::string bytes(sizeof id, '\0');
  std::memcpy(bytes.data(), &id, sizeof id);
  TRY(send_packet(control_.get(), bytes, {sockets.udp.get(), sockets.tcp.get()}, Wait::kYes));
  return {};
}

void DnsForwarder::revive() {
  pid_ = -1;
  control_.reset();
  const bool quick = std::chrono::steady_clock::now() - started_ < kShortestLife;
  quick_ends_ = quick ? quick_ends_ + 1 : 0;
  if (quick_ends_ > kQuickEndsMax) return;
  // What fails here fails because that one has ended too, which its own end tells.
  const Result<void> done = start_process(How::kAfresh);
  log::warning("the DNS forwarder of the containers has ended; ",
               done ? "another one takes its place" : done.error().message);
}

Result<void> DnsForwarder::add(std::uint64_t id, int netns) {
  Sockets sockets;
  ASSIGN_OR_RETURN(sockets.udp, udp_in(netns, kLocalAddress, kDnsPort));
  ASSIGN_OR_RETURN(sockets.tcp, listen_in(netns, kLocalAddress, kDnsPort));
  const Sockets& kept = sockets_.insert_or_assign(id, std::move(sockets)).first->second;
  if (pid_ <= 0) return start_process(How::kAfresh);
  // Its end may not be known here yet; its successor gets the sockets then.
  (void)hand_over(id, kept);
  return {};
}

void DnsForwarder::remove(std::uint64_t id) {
  sockets_.erase(id);
  if (pid_ <= 0) return;
  std::string bytes(sizeof id, '\0');
  std::memcpy(bytes.data(), &id, sizeof id);
  (void)send_packet(control_.get(), bytes, {}, Wait::kYes);
}

}  // namespace ionian::container
