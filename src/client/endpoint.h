#pragma once
// Where a server is: one URL of the setting server_url, taken apart.
#include <string>
#include <vector>

#include "base/result.h"

namespace ionian::client {

struct Endpoint {
  std::string url;  // as written
  enum class Scheme { kHttp, kHttps, kUnix } scheme = Scheme::kHttp;
  std::string host, port;  // kHttp, kHttps; an IPv6 address without its brackets
  std::string path;        // kUnix

  // As gRPC takes it: "127.0.0.1:8713", "[::1]:8713", "unix:/run/ionian.sock".
  std::string address() const;
  // Whether it is this machine, to which no proxy is a way.
  bool local() const;
  // The environment variable whose proxy gRPC takes on the way there; empty: none.
  std::string proxy_variable() const;
};

// The URLs of `server_url`, in its order. INVALID_ARGUMENT: one has another scheme, or no host.
Result<std::vector<Endpoint>> parse_endpoints(std::string_view server_url);

}  // namespace ionian::client
