#pragma once
// The HTTP side of the server: one public listener, one inside each container, and the routes.
#include <boost/asio/io_context.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
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
                                                 std::vector<Route> routes,
                                                 TlsFiles* tls = nullptr);
  void run();
  ~Gateway();

  int port() const { return port_; }

  // Serves containers on a listening socket in their own network namespace, until it is closed.
  void open_inside(const TaskId& task, UniqueFd listener);
  void close_inside(const TaskId& task);

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::any_io_executor>;
  static constexpr int kConnectionsMax = 4096;
  static constexpr int kThreads = 2;

  Gateway(std::vector<Route> routes, TlsFiles* tls) : routes_(std::move(routes)), tls_(tls) {}
  void accept_on(std::shared_ptr<Acceptor> acceptor, std::string side);
  void serve(Stream& stream, const std::string& side, asio::yield_context yield);
  const Route* find(std::string_view target, bool inside) const;

  const std::vector<Route> routes_;
  TlsContexts tls_;
  asio::io_context io_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::shared_ptr<Acceptor> acceptor_;
  std::mutex mutex_;
  std::map<TaskId, std::shared_ptr<Acceptor>> inside_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace ionian::gateway
