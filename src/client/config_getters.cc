// Typed look-ups. A rule of the table decides what alternatives a value can have, so the wrong one
// is our mistake.
#include <cmath>
#include <limits>

#include "base/cat.h"
#include "ionian/config.hpp"

namespace ionian {
inline namespace v0 {
namespace {

std::optional<std::string> text(const Config& config, std::string_view key) {
  ConfigValue value = config.value(key);
  if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
  return std::get<std::string>(std::move(value));
}

bool flag(const Config& config, std::string_view key) { return std::get<bool>(config.value(key)); }

Duration duration(double seconds) {
  const double ns = seconds * 1e9;
  if (ns >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) return kForever;
  if (ns <= static_cast<double>(std::numeric_limits<std::int64_t>::min())) return Duration::min();
  return Duration(std::llround(ns));
}

std::optional<Duration> seconds(const Config& config, std::string_view key) {
  const ConfigValue value = config.value(key);
  if (const auto* whole = std::get_if<std::int64_t>(&value))
    return duration(static_cast<double>(*whole));
  if (const auto* number = std::get_if<double>(&value)) return duration(*number);
  return std::nullopt;
}

// As Python prints a float: enough digits to read the same number again, ".0" on whole ones.
std::string number_text(double number) {
  std::string out = cat(number);
  if (std::isfinite(number) && out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

}  // namespace

std::optional<std::string> to_text(const ConfigValue& value) {
  struct Writer {
    std::optional<std::string> operator()(std::monostate) const { return std::nullopt; }
    std::optional<std::string> operator()(bool b) const { return b ? "true" : "false"; }
    std::optional<std::string> operator()(std::int64_t number) const { return cat(number); }
    std::optional<std::string> operator()(double number) const { return number_text(number); }
    std::optional<std::string> operator()(const std::string& text) const { return text; }
    std::optional<std::string> operator()(const Headers& headers) const {
      std::string out;
      for (const auto& [name, value] : headers)
        cat_to(out, out.empty() ? "" : ",", name, ":", value);
      return out;
    }
  };
  return std::visit(Writer(), value);
}

std::string ConfigOrigin::str() const {
  switch (kind) {
    case Kind::kOverride:
      return "the program";
    case Kind::kEnvironment:
      return cat("environment variable ", variable);
    case Kind::kFile:
      return cat(file, ", profile ", profile, ", line ", line);
    case Kind::kDefault:
      break;
  }
  return "default";
}

std::optional<std::string> Config::token_id() const { return text(*this, "token_id"); }
std::optional<std::string> Config::token_secret() const { return text(*this, "token_secret"); }
std::optional<std::string> Config::oauth_refresh_token() const {
  return text(*this, "oauth_refresh_token");
}
std::optional<std::string> Config::oauth_client_id() const {
  return text(*this, "oauth_client_id");
}
std::optional<std::string> Config::oauth_client_secret() const {
  return text(*this, "oauth_client_secret");
}
std::optional<std::string> Config::oauth_jwt_key() const { return text(*this, "oauth_jwt_key"); }
std::string Config::server_url() const { return *text(*this, "server_url"); }
std::optional<std::string> Config::environment() const { return text(*this, "environment"); }
std::string Config::loglevel() const { return *text(*this, "loglevel"); }
std::string Config::log_format() const { return *text(*this, "log_format"); }
std::optional<std::string> Config::log_pattern() const { return text(*this, "log_pattern"); }
Duration Config::logs_timeout() const { return *seconds(*this, "logs_timeout"); }
bool Config::automount() const { return flag(*this, "automount"); }
bool Config::force_build() const { return flag(*this, "force_build"); }
bool Config::ignore_cache() const { return flag(*this, "ignore_cache"); }
bool Config::traceback() const { return flag(*this, "traceback"); }
std::string Config::build_validation() const { return *text(*this, "build_validation"); }
std::string Config::payload_format() const { return *text(*this, "payload_format"); }
std::string Config::dev_suffix() const { return *text(*this, "dev_suffix"); }
std::optional<std::string> Config::image_builder_version() const {
  return text(*this, "image_builder_version");
}
std::optional<std::string> Config::default_cloud() const { return text(*this, "default_cloud"); }
bool Config::sandbox_v2() const { return flag(*this, "sandbox_v2"); }
bool Config::async_warnings() const { return flag(*this, "async_warnings"); }
bool Config::disable_api_proxy() const { return flag(*this, "disable_api_proxy"); }
std::optional<Duration> Config::max_throttle_wait() const {
  return seconds(*this, "max_throttle_wait");
}
std::optional<Duration> Config::serve_timeout() const { return seconds(*this, "serve_timeout"); }
Duration Config::sandbox_channel_idle_timeout() const {
  return *seconds(*this, "sandbox_channel_idle_timeout");
}
Duration Config::volume_block_read_timeout() const {
  return *seconds(*this, "volume_block_read_timeout");
}

}  // namespace v0
}  // namespace ionian
