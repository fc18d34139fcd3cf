#pragma once
// Name resolution for containers: 172.21.0.1:53 inside each, UDP and TCP, answered by the host's
// resolvers, which may listen on the host's loopback only.
//
// It runs in a process of its own without any right, since it is the one part that reads what
// containers send.
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

class DnsForwarder {
 public:
  // Forks; the caller must have one thread. `resolver_file` is the host's resolv.conf, read again
  // when it changes.
  static Result<std::unique_ptr<DnsForwarder>> start(const std::string& resolver_file);
  // Ends the process.
  ~DnsForwarder();

  // Opens the sockets inside the namespace and serves them until remove(). They keep the namespace
  // alive.
  Result<void> add(std::uint64_t id, int netns);
  void remove(std::uint64_t id);
  pid_t pid() const { return pid_; }

  // The process has ended and was waited for: another one takes its place and all its sockets,
  // which are held here as well, so that no question meets a closed door. After some that ended
  // right after their start, the next one waits for an add().
  void revive();

 private:
  struct Sockets {
    UniqueFd udp, tcp;
  };
  explicit DnsForwarder(std::string resolver_file) : resolver_file_(std::move(resolver_file)) {}
  enum class How { kAsCopy, kAfresh };
  Result<void> start_process(How how);
  Result<void> hand_over(std::uint64_t id, const Sockets& sockets);

  const std::string resolver_file_;
  UniqueFd control_;
  pid_t pid_ = -1;
  std::chrono::steady_clock::time_point started_;
  int quick_ends_ = 0;  // in a row
  std::map<std::uint64_t, Sockets> sockets_;
};

// The process of a forwarder that was started afresh: serves `control` until its other end closes.
[[noreturn]] void run_dns_forwarder(int control, const std::string& resolver_file);

}  // namespace ionian::container
