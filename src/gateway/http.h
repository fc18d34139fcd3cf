#pragma once
// One HTTP connection as its handlers see it. Handlers run in a stackful coroutine: they read like
// blocking code, and ten thousand waiting connections are ten thousand small stacks, not threads.
#include <boost/asio/spawn.hpp>
#include <boost/beast/http.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/stream.h"

namespace ionian::gateway {

namespace http = boost::beast::http;

using RequestHead = http::request_header<>;

// A request whose head has been read and whose body has not.
class Exchange {
 public:
  Exchange(Stream& stream, beast::flat_buffer& buffer,
           http::request_parser<http::buffer_body>& parser, std::string side,
           asio::yield_context yield)
      : stream_(stream), buffer_(buffer), parser_(parser), side_(std::move(side)), yield_(yield) {}

  const RequestHead& head() const { return parser_.get().base(); }
  std::string_view method() const {
    return {head().method_string().data(), head().method_string().size()};
  }
  std::string_view target() const { return {head().target().data(), head().target().size()}; }
  std::optional<std::uint64_t> content_length() const;
  // The task inside whose namespace the listener stands; "" outside.
  const std::string& side() const { return side_; }

  // Hands over the body piece by piece; stops with the first error of `piece`. UNAVAILABLE: the
  // client has gone.
  Result<void> read_body(const std::function<Result<void>(std::string_view)>& piece);
  // The whole body of a small request. INVALID_ARGUMENT above the limit.
  Result<std::string> read_small_body(std::size_t limit);

  // Answers; each exchange is answered once.
  void reply(int status, std::string_view content_type, std::string body,
             const std::vector<std::pair<std::string, std::string>>& fields = {});
  // Answers with `length` bytes of an open file, from its start.
  void reply_file(int fd, std::uint64_t length);
  void reply_error(const Status& status);

  bool keep_alive() const { return keep_alive_; }
  bool tls() const { return stream_.tls(); }
  // Of the other end: "127.0.0.1".
  std::string remote_address() const;
  // For handlers that wait for something else.
  asio::any_io_executor executor() { return stream_.get_executor(); }
  asio::yield_context& yield() { return yield_; }

 private:
  Stream& stream_;
  beast::flat_buffer& buffer_;
  http::request_parser<http::buffer_body>& parser_;
  const std::string side_;
  asio::yield_context yield_;
  bool keep_alive_ = true;
};

// The HTTP status that says what a Status says.
int http_status(Code code);

}  // namespace ionian::gateway
