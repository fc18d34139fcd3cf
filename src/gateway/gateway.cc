#include "gateway/gateway.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/strand.hpp>

#include <charconv>

namespace ionian::gateway {
namespace {

constexpr auto kHeadPatience = std::chrono::seconds(20);
constexpr std::uint32_t kHeadBytes = 16 << 10;
constexpr std::uint64_t kBodyBytes = 1ull << 40;

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::listen(const std::string& address,
                                                 std::vector<Route> routes, TlsFiles* tls) {
  const std::size_t colon = address.rfind(':');
  beast::error_code error;
  const auto ip =
      asio::ip::make_address(address.substr(0, colon == std::string::npos ? 0 : colon), error);
  unsigned short port = 0;
  const char* end = address.data() + address.size();
  if (error || std::from_chars(address.data() + colon + 1, end, port).ptr != end)
    return fail(Code::kInvalidArgument, "'", address,
                "' is no address: write IP:PORT, as 127.0.0.1:8714");
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(routes), tls));
  gateway->acceptor_ = std::make_shared<Acceptor>(asio::make_strand(gateway->io_));
  Acceptor& acceptor = *gateway->acceptor_;
  const asio::ip::tcp::endpoint endpoint(ip, port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(Code::kFailedPrecondition, "cannot listen on ", address, ": ", error.message(),
                ". Choose another with --http IP:PORT (port 0 takes a free one)");
  gateway->port_ = acceptor.local_endpoint().port();
  return gateway;
}

void Gateway::run() {
  accept_on(acceptor_, "");
  work_.emplace(io_.get_executor());
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { io_.run(); });
}

Gateway::~Gateway() {
  io_.stop();
  for (std::thread& t : threads_) t.join();
}

void Gateway::open_inside(const TaskId& task, UniqueFd listener) {
  auto acceptor = std::make_shared<Acceptor>(asio::make_strand(io_));
  beast::error_code error;
  acceptor->assign(asio::ip::tcp::v4(), listener.get(), error);
  if (error) return;
  listener.release();
  {
    std::lock_guard lock(mutex_);
    inside_[task] = acceptor;
  }
  accept_on(acceptor, task.str());
}

void Gateway::close_inside(const TaskId& task) {
  std::lock_guard lock(mutex_);
  const auto it = inside_.find(task);
  if (it == inside_.end()) return;
  asio::post(it->second->get_executor(), [acceptor = it->second] {
    beast::error_code ignored;
    acceptor->close(ignored);
  });
  inside_.erase(it);
}

void Gateway::accept_on(std::shared_ptr<Acceptor> acceptor, std::string side) {
  asio::spawn(
      acceptor->get_executor(),
      [this, acceptor, side](asio::yield_context yield) {
        while (acceptor->is_open()) {
          beast::error_code error;
          asio::any_io_executor own = asio::make_strand(io_);
          asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor> socket(own);
          acceptor->async_accept(socket, yield[error]);
          if (error) {
            if (error == asio::error::operation_aborted) return;
            continue;
          }
          if (connections_.load() >= kConnectionsMax)
            continue;  // closed at once: a client's retry finds room later
          connections_.fetch_add(1);
          asio::spawn(
              own,
              [this, side, socket = std::move(socket)](asio::yield_context inner) mutable {
                Stream stream(std::move(socket));
                if (!side.empty() || tls_.begin(stream, inner)) serve(stream, side, inner);
                connections_.fetch_sub(1);
              },
              [](std::exception_ptr) {});
        }
      },
      [](std::exception_ptr) {});
}

const Route* Gateway::find(std::string_view target, bool inside) const {
  const Route* best = nullptr;
  for (const Route& route : routes_)
    if (target.starts_with(route.prefix) && (!inside || route.inside) &&
        (!best || route.prefix.size() > best->prefix.size()))
      best = &route;
  return best;
}

void Gateway::serve(Stream& stream, const std::string& side, asio::yield_context yield) {
  beast::flat_buffer buffer;
  for (bool again = true; again;) {
    http::request_parser<http::buffer_body> parser;
    parser.header_limit(kHeadBytes);
    parser.body_limit(kBodyBytes);
    stream.expires_after(kHeadPatience);
    beast::error_code error;
    http::async_read_header(stream, buffer, parser, yield[error]);
    if (error) break;
    Exchange exchange(stream, buffer, parser, side, yield);
    if (const Route* route = find(exchange.target(), !side.empty()))
      route->handle(exchange);
    else
      exchange.reply(404, "text/plain; charset=utf-8", "there is nothing at this address\n");
    again = exchange.keep_alive();
  }
  stream.say_goodbye(yield);
}

}  // namespace ionian::gateway
