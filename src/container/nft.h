#pragma once
#include <string>

#include "base/result.h"

namespace ionian::container {

// Runs commands of nft(8) in this process, all or none. The library is loaded at the first call, so
// that a machine without it, and a command line that needs no network, lose nothing.
//   errors   FAILED_PRECONDITION libnftables is missing · PERMISSION_DENIED what nft said
Result<void> run_nft(const std::string& commands);

}  // namespace ionian::container
