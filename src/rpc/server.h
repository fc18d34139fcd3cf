#pragma once
// The gRPC server: listeners, and the one reactor that carries every call of every method.
#include <memory>
#include <string>

#include "base/result.h"
#include "base/tls_files.h"
#include "rpc/fd_numbers.h"
#include "rpc/pipeline.h"

namespace ionian::rpc {

struct Listener {
  std::string address;      // "127.0.0.1:8713" (port 0: any free one) or "unix:/path"
  TlsFiles* tls = nullptr;  // null: in the clear. Outlives the server
};

// How long connections may say nothing.
struct Silence {
  // Of the peer, until it is asked whether it is there.
  std::chrono::milliseconds asked_after = 60s;
  // After that question.
  std::chrono::milliseconds answer = 20s;
  // Until a new connection has said what HTTP/2 begins with, however it trickles.
  std::chrono::milliseconds begin = 10s;
};

class Server {
 public:
  // FAILED_PRECONDITION naming the address if it is taken or not ours.
  static Result<std::unique_ptr<Server>> start(Pipeline& pipeline,
                                               const std::vector<Listener>& listeners,
                                               const Silence& silence = {});
  virtual ~Server() = default;

  // The port that the n-th listener got; 0 for a unix socket.
  virtual int port(std::size_t n) const = 0;

  // Takes over a connected socket; its calls carry peer "fd:N" with this number. A container's
  // comes from FdNumbers; any other one names nobody.
  virtual void adopt(int fd) = 0;

  // Refuses new calls, gives running ones until `deadline`, then cancels them.
  virtual void stop(Time deadline) = 0;
};

}  // namespace ionian::rpc
