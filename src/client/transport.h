#pragma once
// The seam between the library and the network: bytes to a method, bytes back. What stands above
// knows neither gRPC nor HTTP/2.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "client/endpoint.h"

namespace ionian::client {

// Names in lower case, values of printable ASCII.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct WireRequest {
  std::string path;  // "/modal.client.ModalClient/ClientHello"
  std::string body;
  Metadata metadata;
  Duration timeout{};
};

struct WireReply {
  Status status;
  std::string body;
  std::string details;  // the serialized status that came with an error, if one did
  Metadata metadata;    // what came before and after the body
  // The value that came under `name`; empty if none did.
  std::string find(std::string_view name) const;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Waits until there is a connection. UNAVAILABLE: the attempt failed; DEADLINE_EXCEEDED:
  // `timeout` passed first. What the cause is, probe() finds out.
  virtual Result<void> connect(Duration timeout) = 0;
  // One attempt, from any thread.
  virtual WireReply unary(const WireRequest& request) = 0;
  // Calls under way, and later ones, end with CANCELLED.
  virtual void close() noexcept = 0;
};

enum class Proxy { kAsConfigured, kNone };
// Opens nothing yet. TLS trusts the roots in $SSL_CERT_FILE, else the system's.
std::unique_ptr<Transport> make_grpc_transport(const Endpoint& endpoint, Proxy proxy);

// The file of the certificates that TLS trusts.
std::string root_certificates_path();

}  // namespace ionian::client
