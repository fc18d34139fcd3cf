#pragma once
// YAML, and JSON with it, as a tree.
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace ionian::worker {

// The first document; scalars stay text.   errors  INVALID_ARGUMENT with the line
Result<nlohmann::json> parse_yaml(const std::string& text);

}  // namespace ionian::worker
