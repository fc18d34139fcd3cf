#include "gateway/gateway.h"

#include <sys/socket.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <thread>

#include "gateway/http2.h"
#include "gateway/wire.h"

namespace ionian::gateway {
namespace {

constexpr std::uint32_t kHeadBytes = 16 << 10;
constexpr std::uint64_t kBodyBytes = 1ull << 40;
constexpr auto kAcceptAgain = std::chrono::milliseconds(100);

// One more, for as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count), value_(count.fetch_add(1) + 1) {}
  ~Counted() { count_.fetch_sub(1); }
  int value() const { return value_; }

 private:
  std::atomic<int>& count_;
  const int value_;
};

}  // namespace

class Gateway::Listeners {
 public:
  Listeners(std::vector<Route> routes, TlsFiles* tls, const Patience& patience)
      : routes_(std::move(routes)), patience_(patience), tls_(tls) {}
  ~Listeners() { stop(); }

  beast::error_code listen(const asio::ip::tcp::endpoint& endpoint);
  int port() const { return port_; }
  void run(TakeGrpc take_grpc);
  void stop();
  void open_inside(const TaskId& task, UniqueFd listener);
  void close_inside(const TaskId& task);

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::any_io_executor>;
  // Of those outside and of those inside containers, each. One that is relayed has three files, so
  // all of them are fewer than the process may open beside the connections of containers.
  static constexpr int kConnectionsMax = 2'048;
  static constexpr int kRelayedMax = 1'024;  // of all
  static constexpr int kThreads = 2;

  using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>;
  // What counts a connection: those outside or inside, and those of its listener.
  struct Places {
    std::atomic<int>* all;
    std::shared_ptr<std::atomic<int>> here;
  };
  void accept_on(std::shared_ptr<Acceptor> acceptor, std::string side);
  void welcome(Socket socket, const std::string& side, Places places);
  void pass_to_grpc(Stream& stream, const beast::flat_buffer& begun, asio::yield_context yield);
  void serve(Stream& stream, const std::string& side, asio::yield_context yield);
  const Route* find(std::string_view target, bool inside) const;

  const std::vector<Route> routes_;
  const Patience patience_;
  TlsContexts tls_;
  TakeGrpc take_grpc_;
  asio::io_context io_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  int port_ = 0;
  std::atomic<int> outside_count_ = 0, inside_count_ = 0, relayed_count_ = 0;
  std::shared_ptr<Acceptor> acceptor_;
  std::mutex mutex_;
  std::map<TaskId, std::shared_ptr<Acceptor>> inside_;  // guarded by mutex_
  std::vector<std::thread> threads_;
  Waits waits_;
};

Gateway::Gateway(std::unique_ptr<Listeners> listeners) : listeners_(std::move(listeners)) {}
Gateway::~Gateway() = default;
int Gateway::port() const { return listeners_->port(); }
void Gateway::run(TakeGrpc take_grpc) { listeners_->run(std::move(take_grpc)); }
void Gateway::stop() { listeners_->stop(); }
void Gateway::open_inside(const TaskId& task, UniqueFd listener) {
  listeners_->open_inside(task, std::move(listener));
}
void Gateway::close_inside(const TaskId& task) { listeners_->close_inside(task); }

Result<std::unique_ptr<Gateway>> Gateway::listen(const std::string& address,
                                                 std::vector<Route> routes, TlsFiles* tls,
                                                 const Patience& patience) {
  const std::size_t colon = address.rfind(':');
  beast::error_code error;
  const auto ip =
      asio::ip::make_address(address.substr(0, colon == std::string::npos ? 0 : colon), error);
  unsigned short port = 0;
  const char* end = address.data() + address.size();
  if (error || std::from_chars(address.data() + colon + 1, end, port).ptr != end)
    return fail(Code::kInvalidArgument, "'", address,
                "' is no address: write IP:PORT, as 127.0.0.1:8714");
  auto listeners = std::make_unique<Listeners>(std::move(routes), tls, patience);
  if ((error = listeners->listen({ip, port})))
    return fail(Code::kFailedPrecondition, "cannot listen on ", address, ": ", error.message(),
                ". Choose another with --http IP:PORT (port 0 takes a free one)");
  return std::unique_ptr<Gateway>(new Gateway(std::move(listeners)));
}

beast::error_code Gateway::Listeners::listen(const asio::ip::tcp::endpoint& endpoint) {
  beast::error_code error;
  acceptor_ = std::make_shared<Acceptor>(asio::make_strand(io_));
  (void)acceptor_->open(endpoint.protocol(), error);
  if (!error) (void)acceptor_->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) (void)acceptor_->bind(endpoint, error);
  if (!error) (void)acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (!error) port_ = acceptor_->local_endpoint().port();
  return error;
}

void Gateway::Listeners::run(TakeGrpc take_grpc) {
  take_grpc_ = std::move(take_grpc);
  accept_on(acceptor_, "");
  work_.emplace(io_.get_executor());
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { io_.run(); });
}

void Gateway::Listeners::stop() {
  io_.stop();
  for (std::thread& t : std::exchange(threads_, {})) t.join();
  waits_.wait_for_none();
}

void Gateway::Listeners::pass_to_grpc(Stream& stream, const beast::flat_buffer& begun,
                                      asio::yield_context yield) {
  const Counted counted(relayed_count_);
  if (counted.value() > kRelayedMax) return;  // closed: a client's retry finds room later
  int pair[2];                                // that never block, as gRPC wants them
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return;
  UniqueFd ours(pair[0]), theirs(pair[1]);
  take_grpc_(std::move(theirs));
  relay(stream, begun, std::move(ours), yield);
}

void Gateway::Listeners::welcome(Socket socket, const std::string& side, Places places) {
  places.all->fetch_add(1), places.here->fetch_add(1);
  const asio::any_io_executor own = socket.get_executor();
  asio::spawn(
      own,
      [this, side, places, socket = std::move(socket)](asio::yield_context yield) mutable {
        Stream stream(std::move(socket));
        if (!side.empty() || tls_.begin(stream, yield)) serve(stream, side, yield);
        places.all->fetch_sub(1), places.here->fetch_sub(1);
      },
      [](std::exception_ptr) {});
}

void Gateway::Listeners::accept_on(std::shared_ptr<Acceptor> acceptor, std::string side) {
  const auto here = std::make_shared<std::atomic<int>>(0);
  std::atomic<int>& all = side.empty() ? outside_count_ : inside_count_;
  const int most = side.empty() ? kConnectionsMax : kInsideMax;
  asio::spawn(
      acceptor->get_executor(),
      [this, acceptor, side, here, most, &all](asio::yield_context yield) {
        asio::steady_timer pause(acceptor->get_executor());
        while (acceptor->is_open()) {
          beast::error_code error;
          Socket socket(asio::any_io_executor(asio::make_strand(io_)));
          acceptor->async_accept(socket, yield[error]);
          if (error) {
            if (error == asio::error::operation_aborted) return;
            // No file is free, say: who waits to be accepted would wait in a loop without it.
            pause.expires_after(kAcceptAgain);
            pause.async_wait(yield[error]);
            continue;
          }
          // Else closed at once: a client's retry finds room later.
          if (all.load() < kConnectionsMax && here->load() < most)
            welcome(std::move(socket), side, {&all, here});
        }
      },
      [](std::exception_ptr) {});
}

void Gateway::Listeners::open_inside(const TaskId& task, UniqueFd listener) {
  auto acceptor = std::make_shared<Acceptor>(asio::make_strand(io_));
  beast::error_code error;
  (void)acceptor->assign(asio::ip::tcp::v4(), listener.get(), error);
  if (error) return;
  listener.release();
  {
    std::lock_guard lock(mutex_);
    inside_[task] = acceptor;
  }
  accept_on(acceptor, task.str());
}

void Gateway::Listeners::close_inside(const TaskId& task) {
  std::lock_guard lock(mutex_);
  const auto it = inside_.find(task);
  if (it == inside_.end()) return;
  asio::post(it->second->get_executor(), [acceptor = it->second] {
    beast::error_code ignored;
    (void)acceptor->close(ignored);
  });
  inside_.erase(it);
}

const Route* Gateway::Listeners::find(std::string_view target, bool inside) const {
  const Route* best = nullptr;
  for (const Route& route : routes_)
    if (target.starts_with(route.prefix) && (!inside || route.inside) &&
        (!best || route.prefix.size() > best->prefix.size()))
      best = &route;
  return best;
}

void Gateway::Listeners::serve(Stream& stream, const std::string& side, asio::yield_context yield) {
  beast::flat_buffer buffer;
  stream.expires_after(patience_.head);
  const bool may_be_grpc = stream.tls() || !side.empty();
  if (may_be_grpc && begins_http2(stream, buffer, yield))
    return pass_to_grpc(stream, buffer, yield);
  for (bool again = true; again;) {
    http::request_parser<http::buffer_body> parser;
    parser.header_limit(kHeadBytes);
    parser.body_limit(kBodyBytes);
    stream.expires_after(patience_.head);
    beast::error_code error;
    Exchange::Wire wire{stream, buffer, parser, yield, patience_, waits_};
    BlockingStream blocking = wire.blocking();
    http::read_header(blocking, buffer, parser, error);
    if (error) break;
    Exchange exchange(wire, side);
    if (const Route* route = find(exchange.target(), !side.empty()))
      route->handle(exchange);
    else
      exchange.reply(404, "text/plain; charset=utf-8", "there is nothing at this address\n");
    again = exchange.keep_alive();
  }
  stream.say_goodbye(yield);
}

}  // namespace ionian::gateway
