#pragma once
// A connection that Beast reads and writes, whether it is in the clear or under TLS.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

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
  void expires_never() { tcp_.expires_never(); }

  // False if no handshake came about.
  bool shake_hands(std::shared_ptr<asio::ssl::context> context, asio::yield_context yield);
  // Tells the other end that nothing more comes.
  void say_goodbye(asio::yield_context yield);

  // Like those of asio, but they suspend the coroutine only: at most so many bytes as there were.
  std::size_t read_some(asio::mutable_buffer into, asio::yield_context yield,
                        beast::error_code& error);
  std::size_t write_some(std::span<const asio::const_buffer> pieces, asio::yield_context yield,
                         beast::error_code& error);

 private:
  Tcp tcp_;
  std::shared_ptr<asio::ssl::context> context_;  // outlives tls_
  std::optional<asio::ssl::stream<Tcp&>> tls_;
};

// The stream as Beast's blocking functions take one: what blocks is the coroutine. They are far
// smaller than the asynchronous ones, and there is one of each for TLS and for the clear.
class BlockingStream {
 public:
  BlockingStream(Stream& stream, asio::yield_context yield) : stream_(stream), yield_(yield) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, beast::error_code& error) {
    for (const asio::mutable_buffer buffer : beast::buffers_range_ref(buffers))
      if (buffer.size()) return stream_.read_some(buffer, yield_, error);
    error = {};
    return 0;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, beast::error_code& error) {
    std::array<asio::const_buffer, 16> pieces;  // a head and its body are fewer
    std::size_t used = 0;
    for (const asio::const_buffer buffer : beast::buffers_range_ref(buffers))
      if (buffer.size() && used < pieces.size()) pieces[used++] = buffer;
    error = {};
    return used ? stream_.write_some(std::span(pieces).first(used), yield_, error) : 0;
  }
  // Those that throw. Beast wants to see them, and nobody calls them: there are none.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers);
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers);

 private:
  Stream& stream_;
  asio::yield_context yield_;
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
