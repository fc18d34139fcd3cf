#pragma once
// A connection that Beast reads and writes, whether it is in the clear or under TLS.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core.hpp>

#include <memory>
#include <mutex>
#include <optional>

#include "base/tls_files.h"

namespace ionian::gateway {

namespace asio = boost::asio;
namespace beast = boost::beast;

class Stream {
 public:
  using Tcp = beast::basic_stream<asio::ip::tcp, asio::any_io_executor>;
  using executor_type = Tcp::executor_type;

  explicit Stream(Tcp::socket_type socket) : tcp_(std::move(socket)) {}

  executor_type get_executor() { return tcp_.get_executor(); }
  Tcp::socket_type& socket() { return tcp_.socket(); }
  bool tls() const { return tls_.has_value(); }
  template <class Patience>
  void expires_after(Patience patience) {
    tcp_.expires_after(patience);
  }

  // False if no handshake came about.
  bool shake_hands(std::shared_ptr<asio::ssl::context> context, asio::yield_context yield);
  // Tells the other end that nothing more comes.
  void say_goodbye(asio::yield_context yield);

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  Tcp tcp_;
  std::shared_ptr<asio::ssl::context> context_;  // outlives tls_
  std::optional<asio::ssl::stream<Tcp&>> tls_;
};

// The settings for new connections, made anew when the certificate's files have changed.
// Thread-safe.
class TlsContexts {
 public:
  explicit TlsContexts(TlsFiles* files) : files_(files) {}
  // Makes a new connection ready: at once without TLS, else after its handshake. False: close it.
  bool begin(Stream& stream, asio::yield_context yield);

 private:
  std::shared_ptr<asio::ssl::context> current();

  TlsFiles* const files_;
  std::mutex mutex_;
  std::shared_ptr<asio::ssl::context> context_;  // guarded by mutex_
  std::uint64_t number_ = 0;                     // guarded by mutex_
};

}  // namespace ionian::gateway
