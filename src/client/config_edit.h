#pragma once
// A change of the file of profiles that leaves every other byte as it is: comments, order, unknown
// keys, line ends.
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace ionian::client {

struct ConfigEdit {
  std::string profile;  // is made if it does not exist and `settings` has any
  std::map<std::string, std::string> settings;
  std::optional<std::string> activate;  // becomes the only active profile
};

// The changed text. INVALID_ARGUMENT: `text` does not parse, or the change does not fit its form (a
// key that is a table); the result is parsed again and compared before it is given out. `path` is
// for messages.
Result<std::string> edit_config(const std::string& text, const ConfigEdit& edit,
                                const std::string& path);

// A key and a text as TOML writes them.
std::string toml_key(std::string_view key);
std::string toml_string(std::string_view text);

}  // namespace ionian::client
