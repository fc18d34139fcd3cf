#pragma once
// What Config holds between look-ups: the file as it was read, and which profile of it is in use.
#include <map>
#include <optional>
#include <string>

#include "client/config_file.h"
#include "client/config_settings.h"

namespace ionian::client {

struct ConfigState {
  bool remote = false;
  std::string path;
  mode_t mode = 0;
  ConfigFile file;
  Status error;  // why the file could not be read
  std::string profile = "default";
  bool profile_chosen = false;  // by MODAL_PROFILE
  std::map<std::string, std::string, std::less<>> overrides;

  // Reads the file and the environment; `overrides` stay.
  void load();
  ConfigOrigin origin(const Setting& setting, const std::string& profile, bool use_env) const;
  Result<ConfigValue> value(const Setting& setting, const std::string& profile, bool use_env) const;
};

// Throws what `status` says as the exception that the library's users know.
[[noreturn]] void throw_status(const Status& status);

}  // namespace ionian::client
