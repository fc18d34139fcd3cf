#include "client/probe.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>

#include "client/probe_stream.h"

namespace ionian::client {
namespace {

constexpr std::string_view kAddressMend =
    "Check the address; `ionian config show --origin` says where it comes from";

Reach failed(Reach so_far, ReachStep step, std::string cause, std::string_view mend) {
  so_far.step = step;
  so_far.cause = std::move(cause);
  so_far.mend = mend;
  return so_far;
}

std::string numeric(const addrinfo& address) {
  char text[NI_MAXHOST];
  const int error = ::getnameinfo(address.ai_addr, address.ai_addrlen, text, sizeof text, nullptr,
                                  0, NI_NUMERICHOST);
  return error ? "?" : text;
}

Reach connect_failed(Reach reach, const Status& status, const Endpoint& endpoint) {
  reach.timed_out = status.code == Code::kDeadlineExceeded;
  const std::string target = endpoint.scheme == Endpoint::Scheme::kUnix
                                 ? endpoint.path
                                 : cat(reach.addresses, " port ", endpoint.port);
  if (reach.timed_out)
    return failed(std::move(reach), ReachStep::kConnection, cat("timeout: no answer from ", target),
                  "A firewall may drop the packets, or the machine is off");
  return failed(std::move(reach), ReachStep::kConnection, cat(target, ": ", status.message),
                "Is the server running? On its machine: `ionian serve`");
}

Result<Stream> connect_unix(const Endpoint& endpoint, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalidArgument, "the path of the socket is too long");
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  return connect_stream(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address,
                        deadline);
}

// Of the addresses of a name the first that takes a connection.
Result<Stream> connect_any(const addrinfo* list, Reach& reach, Deadline deadline) {
  Result<Stream> stream = fail(Code::kUnavailable, "the name has no address");
  for (const addrinfo* one = list; one; one = one->ai_next) {
    reach.addresses = numeric(*one);
    stream = connect_stream(one->ai_family, one->ai_addr, one->ai_addrlen, deadline);
    if (stream) return stream;
  }
  return stream;
}

// Name, connection, TLS; nullopt: `reach` says which step failed.
std::optional<Stream> open(const Endpoint& endpoint, Reach& reach, Deadline deadline) {
  Result<Stream> stream = fail(Code::kUnavailable, "not tried");
  if (endpoint.scheme == Endpoint::Scheme::kUnix) {
    stream = connect_unix(endpoint, deadline);
  } else {
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    const int error = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &list);
    if (error) {
      reach = failed(std::move(reach), ReachStep::kName,
                     cat("the name '", endpoint.host, "' has no address: ", ::gai_strerror(error)),
                     "Check its spelling, and this machine's DNS");
      return std::nullopt;
    }
    stream = connect_any(list, reach, deadline);
    ::freeaddrinfo(list);
  }
  if (!stream) {
    reach = connect_failed(std::move(reach), stream.error(), endpoint);
    return std::nullopt;
  }
  if (endpoint.scheme == Endpoint::Scheme::kHttps) {
    Result<std::string> version = stream->start_tls(endpoint.host, deadline);
    if (!version) {
      const Status& error = version.error();
      reach.timed_out = error.code == Code::kDeadlineExceeded;
      reach = failed(std::move(reach), ReachStep::kTls, cat("TLS failed: ", error.message),
                     tls_mend(error.message));
      return std::nullopt;
    }
    reach.tls = *std::move(version);
  }
  return *std::move(stream);
}

// Some web servers, ours among them, hang up on the greeting of HTTP/2 without a word.
bool answers_http1(const Endpoint& endpoint, Deadline deadline) {
  Reach ignored;
  std::optional<Stream> stream = open(endpoint, ignored, deadline);
  if (!stream) return false;
  const std::string request =
      cat("GET / HTTP/1.1\r\nHost: ", endpoint.host, "\r\nConnection: close\r\n\r\n");
  if (!stream->send(request, deadline)) return false;
  return stream->receive(deadline).value_or("").starts_with("HTTP/");
}

Reach web_server(Reach reach) {
  return failed(std::move(reach), ReachStep::kProtocol,
                "a web server answers, not a server of Ionian or Modal",
                "server_url must be the gRPC address, which `ionian serve` prints; its web pages "
                "have another");
}

// What the other side says to the greeting of HTTP/2 tells what it is.
Reach check_protocol(Reach reach, Stream& stream, const Endpoint& endpoint, Deadline deadline) {
  constexpr auto kStep = ReachStep::kProtocol;
  const Result<std::string> first = greet_http2(stream, deadline);
  if (!first) {
    reach.timed_out = first.error().code == Code::kDeadlineExceeded;
    if (reach.timed_out)
      return failed(std::move(reach), kStep, "timeout: the connection was taken, but nothing comes",
                    "The program that listens there may hang, or is no Ionian server");
    if (answers_http1(endpoint, deadline)) return web_server(std::move(reach));
    return failed(std::move(reach), kStep,
                  cat("the connection was closed: ", first.error().message),
                  "Is an Ionian server at this address, or another program?");
  }
  if (first->starts_with("HTTP/")) return web_server(std::move(reach));
  if (first->starts_with("\x15\x03"))
    return failed(std::move(reach), kStep, "the server speaks TLS, the address does not ask for it",
                  cat("Write https:// in place of http:// in ", endpoint.url));
  if (first->size() < 4 || (*first)[3] != 4)
    return failed(std::move(reach), kStep, "what answers there is not a server of Ionian or Modal",
                  kAddressMend);
  return reach;
}

}  // namespace

Reach probe(const Endpoint& endpoint, Duration timeout) {
  Reach reach;
  const Deadline deadline(timeout);
  std::optional<Stream> stream = open(endpoint, reach, deadline);
  if (!stream) return reach;
  return check_protocol(std::move(reach), *stream, endpoint, deadline);
}

}  // namespace ionian::client
