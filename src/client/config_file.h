#pragma once
// The file of profiles as read: TOML 1.0, one table a profile. Keeps the line of each value, for
// messages.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ionian::client {

struct ConfigEdit;

// What no setting takes: a list, a table, a date.
struct OtherValue {
  std::string what;  // "a list"
};
using FileValue = std::variant<bool, std::int64_t, double, std::string, OtherValue>;

struct Entry {
  std::string key;
  FileValue value;
  int line = 0;
};

struct Profile {
  std::string name;
  int line = 0;
  std::vector<Entry> entries;

  const Entry* find(std::string_view key) const;
  // `active = true`, and nothing that only resembles it.
  bool active() const;
};

struct ConfigFile {
  std::vector<Profile> profiles;  // in the file's order

  const Profile* find(std::string_view name) const;
};

// INVALID_ARGUMENT names `path`, the line, the column and what is wrong there.
Result<ConfigFile> parse_config(std::string_view text, const std::string& path);

// Whether `after` holds exactly what `before` holds, down to the last unknown table, with the
// change made.
bool is_edit_of(std::string_view before, std::string_view after, const ConfigEdit& edit);

}  // namespace ionian::client
