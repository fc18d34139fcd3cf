#pragma once
#include <string_view>

namespace ionian {

// Whether two secrets, hashes or signatures are equal, in a time that tells only their lengths.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace ionian
