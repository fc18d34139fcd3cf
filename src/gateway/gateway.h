#pragma once
// The HTTP side of the server: one public listener, one inside each container, and the routes.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "base/tls_files.h"
#include "gateway/http.h"

namespace ionian::gateway {

// Answers requests whose target begins with `prefix`; the longest prefix wins.
struct Route {
  std::string prefix;
  std::function<void(Exchange&)> handle;
  bool inside = false;  // also for containers
};

class Gateway {
 public:
  // Takes the address, and answers nobody yet. FAILED_PRECONDITION naming it if it is taken or not
  // ours. With `tls`, which outlives the gateway, the public listener speaks TLS; those inside
  // containers never do.
  static Result<std::unique_ptr<Gateway>> listen(const std::string& address,
                                                 std::vector<Route> routes, TlsFiles* tls = nullptr,
                                                 const Patience& patience = {});
  // Takes over a connection on which gRPC is spoken: to the public listener under TLS, or from
  // inside a container. It is nobody's; what comes on it needs a token.
  using TakeGrpc = std::function<void(UniqueFd)>;
  void run(TakeGrpc take_grpc);
  // Answers nobody any more. Handlers are where they wait, or have ended; what they have begun on
  // other threads is done, for which those must still run. The destructor does it too.
  void stop();
  ~Gateway();

  int port() const;

  // Serves a container on a listening socket in its own network namespace, until it is closed; no
  // more than kInsideMax connections of one at a time.
  static constexpr int kInsideMax = 256;
  void open_inside(const TaskId& task, UniqueFd listener);
  void close_inside(const TaskId& task);

 private:
  class Listeners;  // sockets, coroutines and threads, in gateway.cc

  explicit Gateway(std::unique_ptr<Listeners> listeners);

  const std::unique_ptr<Listeners> listeners_;
};

}  // namespace ionian::gateway
