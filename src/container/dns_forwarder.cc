#include "container/dns_forwarder.h"

#include <grp.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "container/dns_relay.h"
#include "container/netns.h"
#include "container/packet.h"
#include "container/syscalls.h"

namespace ionian::container {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr unsigned kNobody = 65534;

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

}  // namespace

Result<std::unique_ptr<DnsForwarder>> DnsForwarder::start(const std::string& resolver_file) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return sys_fail("make a socket pair");
  auto forwarder = std::make_unique<DnsForwarder>();
  forwarder->control_.reset(pair[0]);
  const UniqueFd other(pair[1]);
  forwarder->pid_ = ::fork();
  if (forwarder->pid_ < 0) return sys_fail("start the DNS forwarder");
  if (forwarder->pid_ == 0) be_forwarder(other.get(), resolver_file);
  return forwarder;
}

DnsForwarder::~DnsForwarder() {
  control_.reset();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Result<void> DnsForwarder::add(std::uint64_t id, int netns) {
  ASSIGN_OR_RETURN(const UniqueFd udp, udp_in(netns, kLocalAddress, kDnsPort));
  ASSIGN_OR_RETURN(const UniqueFd tcp, listen_in(netns, kLocalAddress, kDnsPort));
  std::string bytes(sizeof id, '\0');
  std::memcpy(bytes.data(), &id, sizeof id);
  TRY(send_packet(control_.get(), bytes, {udp.get(), tcp.get()}, Wait::kYes));
  return {};
}

void DnsForwarder::remove(std::uint64_t id) {
  std::string bytes(sizeof id, '\0');
  std::memcpy(bytes.data(), &id, sizeof id);
  (void)send_packet(control_.get(), bytes, {}, Wait::kYes);
}

}  // namespace ionian::container
