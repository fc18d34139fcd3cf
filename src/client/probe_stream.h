#pragma once
// A connection that probe() opens: TCP or a unix socket, with TLS over it if asked for. Every wait
// has one deadline.
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace ionian::client {

class Deadline {
 public:
  explicit Deadline(Duration timeout) : at_(std::chrono::steady_clock::now() + timeout) {}
  // Milliseconds left, as poll() takes them; 0: over.
  int left_ms() const;

 private:
  std::chrono::steady_clock::time_point at_;
};

class Stream {
 public:
  explicit Stream(UniqueFd fd) : fd_(std::move(fd)) {}
  // The handshake, with the certificate and its name checked as the library's own connections do.
  // "TLSv1.3".
  Result<std::string> start_tls(const std::string& host, Deadline deadline);
  Result<void> send(std::string_view bytes, Deadline deadline);
  // What comes next: at least one byte. UNAVAILABLE: the end.
  Result<std::string> receive(Deadline deadline);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Result<void> wait(short events, Deadline deadline) const;
  // DEADLINE_EXCEEDED, or why TLS cannot go on; empty: try again.
  Result<void> wait_for_tls(int returned, Deadline deadline);

  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

Result<Stream> connect_stream(int family, const sockaddr* address, socklen_t size,
                              Deadline deadline);
// Sends the preface of HTTP/2 and returns the first bytes of the answer.
Result<std::string> greet_http2(Stream& stream, Deadline deadline);
// What to do about a failed handshake with that message.
std::string tls_mend(std::string_view message);

}  // namespace ionian::client
