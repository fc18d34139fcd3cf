#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ionian {

// Without padding, in the alphabet that may stand in an address; the parts of a JWT are written so.
std::string base64url(std::string_view bytes);
// nullopt for a text that is none.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace ionian
