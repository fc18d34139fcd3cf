#pragma once
#include <string>
#include <string_view>

namespace ionian {

// "%41b" is "Ab"; what is no escape stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace ionian
