#include "gateway/http.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>

#include "base/pool.h"
#include "gateway/wire.h"

namespace ionian::gateway {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }
beast::string_view beast_view(std::string_view text) { return {text.data(), text.size()}; }

std::unexpected<Status> gone() { return fail(Code::kUnavailable, "the client has gone"); }

}  // namespace

int http_status(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kFailedPrecondition:
      return 409;
    case Code::kResourceExhausted:
      return 507;
    case Code::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

std::string_view Exchange::method() const { return view(wire_.head().method_string()); }
std::string_view Exchange::target() const { return view(wire_.head().target()); }
std::string_view Exchange::field(std::string_view name) const {
  return view(wire_.head()[beast_view(name)]);
}
bool Exchange::has_field(std::string_view name) const {
  return wire_.head().find(beast_view(name)) != wire_.head().end();
}

bool Exchange::tls() const { return wire_.stream.tls(); }

bool Exchange::wait(const std::function<bool(std::function<void()> done)>& begin) {
  asio::steady_timer done(wire_.stream.get_executor(),
                          std::chrono::steady_clock::time_point::max());
  Waits& waits = wire_.waits;  // not on this stack, which may be gone once that is posted
  waits.begin();
  const bool begun = begin([&done, &waits] {
    asio::post(done.get_executor(), [&done] { done.cancel(); });
    waits.end();
  });
  if (!begun) {
    waits.end();
    return false;
  }
  beast::error_code cancelled;
  done.async_wait(wire_.yield[cancelled]);
  return true;
}

bool Exchange::wait_for(Pool& pool, const std::function<void()>& work) {
  return wait([&](const std::function<void()>& done) {
    return pool.post([&work, done] {
      work();
      done();
    });
  });
}

std::string Exchange::remote_address() const {
  beast::error_code error;
  const auto end = wire_.stream.socket().remote_endpoint(error);
  return error ? "" : end.address().to_string();
}

std::optional<std::uint64_t> Exchange::content_length() const {
  const auto length = wire_.parser.content_length();
  if (!length) return std::nullopt;
  return *length;
}

Result<void> Exchange::read_body(const std::function<Result<void>(std::string_view)>& piece) {
  std::string bytes(Patience::kPiece, '\0');
  // Beast reads as much at a time as its buffer has room for, which after a head is 512 bytes.
  if (!wire_.parser.is_done()) wire_.buffer.reserve(kReadBytes);
  BlockingStream blocking = wire_.blocking();
  if (beast::iequals(wire_.head()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on{http::status::continue_, 11};
    beast::error_code error;
    http::write(blocking, go_on, error);
    if (error) return gone();
  }
  while (!wire_.parser.is_done()) {
    wire_.parser.get().body().data = bytes.data();
    wire_.parser.get().body().size = bytes.size();
    wire_.stream.expires_after(wire_.patience.piece);
    beast::error_code error;
    http::read(blocking, wire_.buffer, wire_.parser, error);
    if (error && error != http::error::need_buffer) return gone();
    TRY(piece({bytes.data(), bytes.size() - wire_.parser.get().body().size}));
  }
  return {};
}

Result<std::string> Exchange::read_small_body(std::size_t limit) {
  std::string body;
  TRY(read_body([&](std::string_view piece) -> Result<void> {
    if (body.size() + piece.size() > limit)
      return fail(Code::kInvalidArgument, "the body is larger than ", limit, " bytes");
    body += piece;
    return {};
  }));
  return body;
}

void Exchange::reply(int status, std::string_view content_type, std::string body,
                     const std::vector<std::pair<std::string, std::string>>& fields) {
  http::response<http::string_body> response{static_cast<http::status>(status), 11};
  // What was not read of the request would be taken for the next one.
  keep_alive_ = wire_.parser.is_done() && wire_.parser.get().keep_alive();
  response.keep_alive(keep_alive_);
  response.set(http::field::content_type, beast_view(content_type));
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : fields) response.insert(name, value);
  response.body() = std::move(body);
  response.prepare_payload();
  wire_.stream.expires_after(wire_.patience.piece);
  BlockingStream blocking = wire_.blocking();
  beast::error_code error;
  http::write(blocking, response, error);
  if (error) keep_alive_ = false;
}

void Exchange::reply_file(int fd, std::uint64_t length) {
  http::response<http::buffer_body> response{http::status::ok, 11};
  keep_alive_ = wire_.parser.is_done() && wire_.parser.get().keep_alive();
  response.keep_alive(keep_alive_);
  response.set(http::field::content_type, "application/octet-stream");
  response.content_length(length);
  response.body().data = nullptr;
  response.body().more = true;
  http::response_serializer<http::buffer_body> serializer{response};
  BlockingStream blocking = wire_.blocking();
  beast::error_code error;
  wire_.stream.expires_after(wire_.patience.piece);
  http::write_header(blocking, serializer, error);
  std::string bytes(Patience::kPiece, '\0');
  for (std::uint64_t sent = 0; !error && sent < length;) {
    const ssize_t n =
        ::pread(fd, bytes.data(), std::min<std::uint64_t>(bytes.size(), length - sent),
                static_cast<off_t>(sent));
    if (n <= 0) {  // the length is promised already: only closing tells the client
      keep_alive_ = false;
      return;
    }
    sent += static_cast<std::uint64_t>(n);
    response.body().data = bytes.data();
    response.body().size = static_cast<std::size_t>(n);
    response.body().more = sent < length;
    wire_.stream.expires_after(wire_.patience.piece);
    http::write(blocking, serializer, error);
    if (error == http::error::need_buffer) error = {};
  }
  if (error) keep_alive_ = false;
}

void Exchange::reply_error(const Status& status) {
  reply(http_status(status.code), "text/plain; charset=utf-8", status.message + "\n");
}

}  // namespace ionian::gateway
