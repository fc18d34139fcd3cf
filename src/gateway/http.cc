#include "gateway/http.h"

#include <unistd.h>

namespace ionian::gateway {
namespace {

constexpr auto kPatience =
    std::chrono::seconds(60);  // with a client that neither sends nor takes anything
constexpr std::size_t kPiece = 256 << 10;

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

std::string Exchange::remote_address() const {
  beast::error_code error;
  const auto end = stream_.socket().remote_endpoint(error);
  return error ? "" : end.address().to_string();
}

std::optional<std::uint64_t> Exchange::content_length() const {
  const auto length = parser_.content_length();
  if (!length) return std::nullopt;
  return *length;
}

Result<void> Exchange::read_body(const std::function<Result<void>(std::string_view)>& piece) {
  std::string bytes(kPiece, '\0');
  if (beast::iequals(head()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on{http::status::continue_, 11};
    beast::error_code error;
    http::async_write(stream_, go_on, yield_[error]);
    if (error) return gone();
  }
  while (!parser_.is_done()) {
    parser_.get().body().data = bytes.data();
    parser_.get().body().size = bytes.size();
    stream_.expires_after(kPatience);
    beast::error_code error;
    http::async_read(stream_, buffer_, parser_, yield_[error]);
    if (error && error != http::error::need_buffer) return gone();
    TRY(piece({bytes.data(), bytes.size() - parser_.get().body().size}));
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
  keep_alive_ = parser_.is_done() && parser_.get().keep_alive();
  response.keep_alive(keep_alive_);
  response.set(http::field::content_type,
               beast::string_view(content_type.data(), content_type.size()));
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : fields) response.insert(name, value);
  response.body() = std::move(body);
  response.prepare_payload();
  stream_.expires_after(kPatience);
  beast::error_code error;
  http::async_write(stream_, response, yield_[error]);
  if (error) keep_alive_ = false;
}

void Exchange::reply_file(int fd, std::uint64_t length) {
  http::response<http::buffer_body> response{http::status::ok, 11};
  keep_alive_ = parser_.is_done() && parser_.get().keep_alive();
  response.keep_alive(keep_alive_);
  response.set(http::field::content_type, "application/octet-stream");
  response.content_length(length);
  response.body().data = nullptr;
  response.body().more = true;
  http::response_serializer<http::buffer_body> serializer{response};
  beast::error_code error;
  stream_.expires_after(kPatience);
  http::async_write_header(stream_, serializer, yield_[error]);
  std::string bytes(kPiece, '\0');
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
    stream_.expires_after(kPatience);
    http::async_write(stream_, serializer, yield_[error]);
    if (error == http::error::need_buffer) error = {};
  }
  if (error) keep_alive_ = false;
}

void Exchange::reply_error(const Status& status) {
  reply(http_status(status.code), "text/plain; charset=utf-8", status.message + "\n");
}

}  // namespace ionian::gateway
