#pragma once
// The settings of a Modal client, in one place: what the program overrode, the environment
// (MODAL_<SETTING>), the profile in the file (~/.modal.toml, or $MODAL_CONFIG_PATH), the default;
// the first of these that has a value wins. Names, rules and defaults are those of the Python
// client's modal.config; only `server_url` has a default of its own, a server on this machine.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ionian/duration.hpp"
#include "ionian/error.hpp"

namespace ionian {
inline namespace v0 {

using Headers = std::map<std::string, std::string>;
// What a setting holds; monostate is "none".
using ConfigValue = std::variant<std::monostate, bool, std::int64_t, double, std::string, Headers>;

// The text that means this value in an environment variable; nullopt for none.
std::optional<std::string> to_text(const ConfigValue& value);

// Where a value came from.
struct ConfigOrigin {
  enum class Kind { kOverride, kEnvironment, kFile, kDefault };
  Kind kind = Kind::kDefault;
  std::string variable;       // kEnvironment: its name
  std::string file, profile;  // kFile
  int line = 0;               // kFile: counted from 1
  // "environment variable MODAL_LOGLEVEL", "/home/ada/.modal.toml, profile default, line 3"
  std::string str() const;
};

// What a call to a server needs. Either a token pair or the OAuth set.
struct Credentials {
  std::string token_id, token_secret;
  std::string oauth_refresh_token, oauth_client_id, oauth_client_secret, oauth_jwt_key;
  bool is_oauth() const { return !oauth_refresh_token.empty(); }
};

// Thread-safe. The constructor does nothing; the file is read at the first look-up and again by
// reload(). Every look-up throws InvalidError if the file cannot be read or parsed (path, line,
// column), or if the value is one that the setting cannot take (setting, value, rule, origin).
class Config {
 public:
  enum class Include { kPublic, kAll };

  Config();
  ~Config();
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  // The value of a setting; `profile` defaults to the active one, `use_env` = false leaves out the
  // environment and what was overridden. NotFoundError: there is no such setting.
  ConfigValue value(std::string_view key, std::optional<std::string> profile = {},
                    bool use_env = true) const;
  // The same as text; nullopt for none.
  std::optional<std::string> get(std::string_view key, std::optional<std::string> profile = {},
                                 bool use_env = true) const;
  // Where value(key) comes from, also if it is one that the setting cannot take.
  ConfigOrigin origin(std::string_view key, std::optional<std::string> profile = {},
                      bool use_env = true) const;

  // Authentication
  std::optional<std::string> token_id() const, token_secret() const;
  std::optional<std::string> oauth_refresh_token() const, oauth_client_id() const;
  std::optional<std::string> oauth_client_secret() const, oauth_jwt_key() const;
  // One URL (http, https, unix), or several with commas between that are tried in order.
  std::string server_url() const;
  std::optional<std::string> environment() const;  // none: the workspace's default

  // Logging
  std::string loglevel() const;    // DEBUG, INFO, WARNING, ERROR, CRITICAL
  std::string log_format() const;  // STRING, JSON
  std::optional<std::string> log_pattern() const;
  Duration logs_timeout() const;  // the wait for the last log lines of a run

  // Building and running
  bool automount() const, force_build() const, ignore_cache() const, traceback() const;
  std::string build_validation() const;  // error, warn, ignore
  std::string payload_format() const;    // pickle, cbor
  std::string dev_suffix() const;
  std::optional<std::string> image_builder_version() const, default_cloud() const;
  bool sandbox_v2() const, async_warnings() const, disable_api_proxy() const;

  // Waiting
  std::optional<Duration> max_throttle_wait() const;  // none: no limit; 0: do not wait
  std::optional<Duration> serve_timeout() const;
  Duration sandbox_channel_idle_timeout() const, volume_block_read_timeout() const;

  // The credentials that a client takes from here. AuthError: none, half a pair, or MODAL_PROFILE
  // names no profile. InvalidError: a token and OAuth at once, two active profiles, or several and
  // none active.
  Credentials credentials() const;

  // For this process only; wins over the environment and the file, is never written. A key that is
  // no setting sets the environment variable of that name in upper case.
  void override_locally(std::string_view key, std::string_view value);

  // Every setting, sorted by name. Nothing is redacted.
  std::map<std::string, ConfigValue> to_dict(Include include = Include::kPublic) const;

  // Reads the file and the environment's choice of file and profile again. What was overridden
  // stays.
  void reload();

  // The file's path, whether or not it exists, and the profile in use.
  std::string path() const;
  std::string profile() const;
  // The file's profiles, in its order.
  std::vector<std::string> profiles() const;
  // What the file's owner should mend, one text each: permissions that let others read the secrets.
  std::vector<std::string> warnings() const;

  // Sets keys of a profile, which is made if it does not exist, and makes `activate` the only
  // active one, if given. The rest of the file stays as it is, byte for byte; the file's mode
  // becomes 0600. Nothing is written if that cannot be done: InvalidError for a file that does not
  // parse or in a container, Error for the system's refusal.
  void store(const std::map<std::string, std::string>& settings, const std::string& profile,
             std::optional<std::string> activate = {});
  // Makes `name` the only active profile, in the file and here. NotFoundError: the file has none of
  // that name.
  void set_active_profile(const std::string& name);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The process's own.
Config& config();
// config().profiles()
std::vector<std::string> config_profiles();
// config().set_active_profile(name)
void config_set_active_profile(std::string_view name);

}  // namespace v0
}  // namespace ionian
