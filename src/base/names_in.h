#pragma once
#include <string>
#include <vector>

namespace ionian {

// The names in a folder, but for hidden ones, in no order. None if there is no such folder.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace ionian
