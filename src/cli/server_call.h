#pragma once
// Calls from a command to the server that the settings name.
#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "ionian/config.hpp"

namespace ionian::cli {

// The version of the official client whose protocol our tools speak.
inline constexpr std::string_view kProtocolVersion = "1.6.4";

struct ServerAccess {
  std::string urls;        // as the setting server_url has it
  std::string url_origin;  // for messages
  std::string token_id, token_secret;
};

// What the settings say, with the credentials that a client would use. Throws as
// Config::credentials().
ServerAccess configured_access();

// "/modal.client.ModalClient/<method>" at the first URL that can be reached. UNAVAILABLE and
// DEADLINE_EXCEEDED name the URL, the cause and the setting; any other status is the server's.
Result<void> call_server(const ServerAccess& server, std::string_view method,
                         const google::protobuf::Message& request, google::protobuf::Message& reply,
                         Duration timeout = 10s);

}  // namespace ionian::cli
