#include "gateway/http2.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace ionian::gateway {
namespace {

using Local = asio::basic_stream_socket<asio::local::stream_protocol, asio::any_io_executor>;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
constexpr std::size_t kPiece = 64 << 10;

void write_all(Stream& stream, asio::const_buffer rest, asio::yield_context yield,
               beast::error_code& error) {
  while (rest.size() && !error) rest += stream.write_some({&rest, 1}, yield, error);
}

void to_server(Stream& stream, Local& server, asio::const_buffer begun, asio::yield_context yield) {
  beast::error_code error;
  asio::async_write(server, begun, yield[error]);
  std::vector<char> piece(kPiece);
  while (!error) {
    const std::size_t size = stream.read_some(asio::buffer(piece), yield, error);
    if (!error) asio::async_write(server, asio::buffer(piece.data(), size), yield[error]);
  }
}

void to_client(Stream& stream, Local& server, asio::yield_context yield) {
  beast::error_code error;
  std::vector<char> piece(kPiece);
  while (!error) {
    const std::size_t size = server.async_read_some(asio::buffer(piece), yield[error]);
    if (!error) write_all(stream, asio::buffer(piece.data(), size), yield, error);
  }
}

}  // namespace

bool begins_http2(Stream& stream, beast::flat_buffer& buffer, asio::yield_context yield) {
  beast::error_code error;
  const auto seen = [&] {
    const asio::const_buffer data = buffer.data();
    return std::string_view(static_cast<const char*>(data.data()), data.size());
  };
  while (!error && seen().size() < kPreface.size() && kPreface.starts_with(seen()))
    buffer.commit(stream.read_some(buffer.prepare(kPiece), yield, error));
  return seen().starts_with(kPreface);
}

void relay(Stream& stream, const beast::flat_buffer& begun, UniqueFd server,
           asio::yield_context yield) {
  Local local(stream.get_executor());
  beast::error_code error;
  (void)local.assign(asio::local::stream_protocol(), server.get(), error);
  if (error) return;
  server.release();
  stream.expires_never();  // gRPC asks a silent client whether it is there
  asio::steady_timer back_ended(stream.get_executor(),
                                std::chrono::steady_clock::time_point::max());
  const auto close_both = [&] {
    beast::error_code ignored;
    (void)stream.socket().close(ignored);
    (void)local.close(ignored);
  };
  bool going_back = true;
  asio::spawn(
      stream.get_executor(),
      [&](asio::yield_context back) {
        to_client(stream, local, back);
        close_both();
        going_back = false;
        back_ended.cancel();
      },
      [](std::exception_ptr) {});
  to_server(stream, local, begun.data(), yield);
  close_both();
  if (going_back) back_ended.async_wait(yield[error]);
}

}  // namespace ionian::gateway
