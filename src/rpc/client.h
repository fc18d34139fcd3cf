#pragma once
// One call from a command to a server.
#include <google/protobuf/message.h>

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::rpc {

// Connects to `address` ("unix:/path", "127.0.0.1:8713"), calls `path`, waits. The server's status is the result.
Result<void> call_unary(const std::string& address, const std::string& path, const google::protobuf::Message& request,
                        google::protobuf::Message& reply, Duration timeout);

}  // namespace ionian::rpc
