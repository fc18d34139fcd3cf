#pragma once
// Name resolution for containers: 172.21.0.1:53 inside each, UDP and TCP, answered by the host's
// resolvers, which may listen on the host's loopback only.
//
// It runs in a process of its own without any right, since it is the one part that reads what
// containers send.
#include <sys/types.h>

#include <cstdint>
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

 private:
  UniqueFd control_;
  pid_t pid_ = -1;
};

}  // namespace ionian::container
