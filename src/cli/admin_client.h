#pragma once
// Calls to the running server of a data folder, by the unix socket in it.
#include <google/protobuf/message.h>

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::cli {

// "/ionian.Admin/<method>". UNAVAILABLE says that no server runs there.
Result<void> call_admin(const std::string& data, std::string_view method,
                        const google::protobuf::Message& request, google::protobuf::Message& reply,
                        Duration timeout = 10s);

}  // namespace ionian::cli
