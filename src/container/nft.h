#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace ionian::container {

// Runs commands of nft(8) in this process, all or none. The library is loaded at the first call, so
// that a machine without it, and a command line that needs no network, lose nothing.
//   errors   FAILED_PRECONDITION libnftables is missing · PERMISSION_DENIED what nft said
// Returns what they list.
Result<std::string> run_nft(const std::string& commands);

// Which table outside of ours drops what is forwarded unless it says otherwise, as Docker's and
// ufw's do; "" if there is none, or if it has a rule that names links beginning with `links`.
std::string find_forward_drop(std::string_view links);

}  // namespace ionian::container
