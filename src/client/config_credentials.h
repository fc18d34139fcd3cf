#pragma once
// Which credentials a client is to use, out of all places where they may stand.
#include "client/config_state.h"

namespace ionian::client {

// UNAUTHENTICATED: none, or half of a pair. INVALID_ARGUMENT: they contradict each other, or which
// profile is meant is not clear. In a container: empty ones, for there the connection itself says
// who calls.
Result<Credentials> find_credentials(const ConfigState& state);

// INVALID_ARGUMENT: `text` cannot be sent as a credential: white space or control characters. Never
// shows it.
Result<void> check_credential(std::string_view name, std::string_view text,
                              std::string_view origin);

}  // namespace ionian::client
