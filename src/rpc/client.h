#pragma once
// One call from a command to a server.
#include <google/protobuf/message.h>

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::rpc {

struct CallOptions {
  enum class Transport { kPlain, kTls } transport = Transport::kPlain;
  // Sent with the call: names in lower case, values of printable ASCII.
  std::vector<std::pair<std::string, std::string>> metadata = {};
};

// Connects to `address` ("unix:/path", "127.0.0.1:8713"), calls `path`, waits. The server's status is the result.
// TLS trusts the roots in $SSL_CERT_FILE, else the system's.
Result<void> call_unary(const std::string& address, const std::string& path,
                        const google::protobuf::Message& request, google::protobuf::Message& reply,
                        Duration timeout, const CallOptions& options = {});

}  // namespace ionian::rpc
