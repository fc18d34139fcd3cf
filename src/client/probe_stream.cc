#include "client/probe_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "client/transport.h"

namespace ionian::client {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kEmptySettings("\0\0\0\4\0\0\0\0\0", 9);

std::string_view system_text(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "connection refused: nothing listens there";
    case ENOENT:
      return "there is no such socket";
    default:
      return strerrordesc_np(error);
  }
}

}  // namespace

int Deadline::left_ms() const {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
}

Result<void> Stream::wait(short events, Deadline deadline) const {
  for (;;) {
    pollfd one{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&one, 1, deadline.left_ms());
    if (ready > 0) return {};
    if (ready == 0) return fail(Code::kDeadlineExceeded, "timeout");
    if (errno != EINTR) return sys_fail("poll");
  }
}

Result<void> Stream::wait_for_tls(int returned, Deadline deadline) {
  const int error = SSL_get_error(ssl_.get(), returned);
  if (error == SSL_ERROR_WANT_READ) return wait(POLLIN, deadline);
  if (error == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, deadline);
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK)
    return fail(Code::kUnavailable, "the server's certificate is not accepted: ",
                X509_verify_cert_error_string(verdict));
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return fail(Code::kUnavailable, reason ? reason : "the connection was closed");
}

Result<std::string> Stream::start_tls(const std::string& host, Deadline deadline) {
  ERR_clear_error();
  context_.reset(SSL_CTX_new(TLS_client_method()));
  const std::string roots = root_certificates_path();
  if (SSL_CTX_load_verify_locations(context_.get(), roots.c_str(), nullptr) != 1)
    return fail(Code::kUnavailable, "the file of trusted certificates, ", roots,
                ", cannot be read");
  ssl_.reset(SSL_new(context_.get()));
  in6_addr number;
  const bool is_number = ::inet_pton(AF_INET, host.c_str(), &number) == 1 ||
                         ::inet_pton(AF_INET6, host.c_str(), &number) == 1;
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
  if (is_number) {
    X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
  } else {
    SSL_set1_host(ssl_.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  }
  SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof kHttp2);
  SSL_set_fd(ssl_.get(), fd_.get());
  for (int done = SSL_connect(ssl_.get()); done != 1; done = SSL_connect(ssl_.get()))
    TRY(wait_for_tls(done, deadline));
  return SSL_get_version(ssl_.get());
}

Result<void> Stream::send(std::string_view bytes, Deadline deadline) {
  if (ssl_) {
    for (int n = 0; n <= 0;) {
      n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (n <= 0) TRY(wait_for_tls(n, deadline));
    }
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) return sys_fail("send");
    if (n < 0) TRY(wait(POLLOUT, deadline));
  }
  return {};
}

Result<std::string> Stream::receive(Deadline deadline) {
  char buffer[256];
  for (;;) {
    const ssize_t n = ssl_ ? SSL_read(ssl_.get(), buffer, sizeof buffer)
                           : ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n > 0) return std::string(buffer, static_cast<std::size_t>(n));
    if (ssl_) {
      TRY(wait_for_tls(static_cast<int>(n), deadline));
      continue;
    }
    if (n == 0) return fail(Code::kUnavailable, "no answer came");
    if (errno != EAGAIN && errno != EINTR) return fail(Code::kUnavailable, system_text(errno));
    TRY(wait(POLLIN, deadline));
  }
}

Result<Stream> connect_stream(int family, const sockaddr* address, socklen_t size,
                              Deadline deadline) {
  const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  UniqueFd fd(::socket(family, kind, 0));
  if (!fd) return sys_fail("socket");
  if (::connect(fd.get(), address, size) == 0) return Stream(std::move(fd));
  if (errno != EINPROGRESS) return fail(Code::kUnavailable, system_text(errno));
  pollfd one{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&one, 1, deadline.left_ms());
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return fail(Code::kDeadlineExceeded, "timeout");
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) return fail(Code::kUnavailable, system_text(error));
  return Stream(std::move(fd));
}

Result<std::string> greet_http2(Stream& stream, Deadline deadline) {
  TRY(stream.send(cat(kPreface, kEmptySettings), deadline));
  ASSIGN_OR_RETURN(std::string answer, stream.receive(deadline));
  constexpr std::size_t kEnough = 9;  // a frame's head
  while (answer.size() < kEnough) {
    const Result<std::string> more = stream.receive(deadline);
    if (!more) break;
    answer += *more;
  }
  return answer;
}

std::string tls_mend(std::string_view message) {
  const auto says = [&](std::string_view part) { return message.find(part) != message.npos; };
  if (says("self-signed") || says("self signed") || says("unable to get"))
    return "Its authority is not among those that this machine trusts. Name a file with the "
           "authority's certificate in SSL_CERT_FILE (Python clients trust certifi's bundle only)";
  if (says("expired"))
    return "The server needs a new certificate; or this machine's clock is wrong";
  if (says("not yet valid")) return "Is this machine's clock right?";
  if (says("mismatch")) return "The certificate is for another name: use that one in server_url";
  if (says("wrong version") || says("packet length"))
    return "The server does not speak TLS at this port: write http:// in place of https://";
  if (says("trusted certificates")) return "Set SSL_CERT_FILE to a file that exists, or unset it";
  return "Check the server's certificate and SSL_CERT_FILE";
}

}  // namespace ionian::client
