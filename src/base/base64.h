#pragma once
#include <string>
#include <string_view>

namespace ionian {

// Without padding, in the alphabet that may stand in an address; the parts of a JWT are written so.
std::string base64url(std::string_view bytes);

}  // namespace ionian
