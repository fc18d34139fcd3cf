#include "client/config_settings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "client/python_text.h"

namespace ionian::client {
namespace {

using enum Rule;
using D = Setting::Default;
constexpr auto kInternal = Setting::Scope::kInternal;
constexpr auto kOpen = Setting::Secrecy::kOpen;
constexpr auto kSecret = Setting::Secrecy::kSecret;
constexpr auto kPublic = Setting::Scope::kPublic;

constexpr Setting text(std::string_view name, std::string_view value = {}, Rule rule = kText) {
  return {name, rule, value.empty() ? D::kNone : D::kText, value, 0, kPublic, kOpen};
}
constexpr Setting secret(std::string_view name) {
  return {name, kText, D::kNone, {}, 0, kPublic, kSecret};
}
constexpr Setting flag(std::string_view name, D value) {
  return {name, kBool, value, {}, 0, kPublic, kOpen};
}
constexpr Setting seconds(std::string_view name, double value) {
  return {name, kSeconds, D::kSeconds, {}, value, kPublic, kOpen};
}
constexpr Setting internal(Setting setting) {
  setting.scope = kInternal;
  return setting;
}

constexpr auto kSettings = std::to_array<Setting>({
    flag("async_warnings", D::kTrue),
    flag("automount", D::kTrue),
    text("build_validation", "error", kBuildValidation),
    internal(text("cuda_checkpoint_path", "/__modal/.bin/cuda-checkpoint")),
    text("default_cloud", {}, kTextOrNone),
    {"dev_suffix", kDevSuffix, D::kText, "", 0, kPublic, kOpen},
    flag("disable_api_proxy", D::kFalse),
    text("environment"),
    flag("force_build", D::kFalse),
    internal(text("function_runtime")),
    internal(flag("function_runtime_debug", D::kFalse)),
    internal(seconds("heartbeat_interval", 15)),
    flag("ignore_cache", D::kFalse),
    text("image_builder_version"),
    internal(text("image_id")),
    text("log_format", "STRING", kLogFormat),
    text("log_pattern"),
    text("loglevel", "WARNING", kLogLevel),
    seconds("logs_timeout", 10),
    text("max_throttle_wait", {}, kWholeSeconds),
    text("oauth_client_id"),
    secret("oauth_client_secret"),
    secret("oauth_jwt_key"),
    secret("oauth_refresh_token"),
    internal(text("override_headers", {}, kHeaders)),
    text("payload_format", "pickle", kPayloadFormat),
    internal(text("restore_state_path", "/__modal/restore-state.json")),
    internal(flag("runtime_perf_record", D::kFalse)),
    seconds("sandbox_channel_idle_timeout", 30),
    flag("sandbox_v2", D::kTrue),
    text("serve_timeout", {}, kSeconds),
    text("server_url", "http://127.0.0.1:8713", kServerUrl),
    internal(flag("snapshot_debug", D::kFalse)),
    internal(text("streams_url", "https://modal-labs-streams--streams-service-proxy.modal.run")),
    internal(text("sync_entrypoint")),
    internal(text("task_id")),
    text("token_id"),
    secret("token_secret"),
    flag("traceback", D::kFalse),
    internal(flag("use_control_plane_sidecar_create", D::kTrue)),
    seconds("volume_block_read_timeout", 60),
    internal(text("worker_id")),
});
static_assert(std::ranges::is_sorted(kSettings, {}, &Setting::name));

std::unexpected<Status> wrong(std::string_view rule) { return fail(Code::kInvalidArgument, rule); }

Result<ConfigValue> one_of(const std::string& value,
                           std::initializer_list<std::string_view> options) {
  std::string rule = "must be one of ";
  for (const std::string_view option : options) {
    if (value == option) return value;
    cat_to(rule, option == *options.begin() ? "" : ", ", option);
  }
  return wrong(rule);
}

Result<ConfigValue> suffix(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (text.size() > 8 || !std::ranges::all_of(text, allowed))
    return wrong("must be 1 to 8 letters or digits");
  return std::string(text);
}

Result<ConfigValue> headers(std::string_view text) {
  Headers out;
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view pair = text.substr(at, comma - at);
    const std::size_t colon = pair.find(':');
    const std::string_view name = strip(pair.substr(0, colon));
    const std::string_view value =
        colon == std::string_view::npos ? "" : strip(pair.substr(colon + 1));
    if (name.empty() || value.empty())
      return wrong("must be name:value pairs with commas between, none of them empty");
    out.insert_or_assign(std::string(name), std::string(value));
    at = comma + 1;
  }
  return out;
}

Result<ConfigValue> server_urls(std::string_view text) {
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view url = strip(text.substr(at, comma - at));
    const bool known =
        url.starts_with("http://") || url.starts_with("https://") || url.starts_with("unix:");
    if (!known || url.ends_with("//") || url.ends_with(":"))
      return wrong(
          "must be a URL that begins with http://, https:// or unix:, or several with commas "
          "between");
    at = comma + 1;
  }
  return std::string(text);
}

Result<ConfigValue> seconds_of(std::optional<double> number) {
  if (!number || std::isnan(*number)) return wrong("must be a number of seconds");
  return *number;
}

Result<ConfigValue> whole_seconds_of(std::optional<double> number) {
  if (!number || !(std::abs(*number) < 9.2e18)) return wrong("must be a whole number of seconds");
  return static_cast<std::int64_t>(*number);
}

constexpr std::string_view kTextOnly = "must be a text: write it in quotes";

}  // namespace

ConfigValue Setting::default_value() const {
  switch (default_kind) {
    case Default::kNone:
      return std::monostate();
    case Default::kFalse:
      return false;
    case Default::kTrue:
      return true;
    case Default::kText:
      return std::string(default_text);
    case Default::kSeconds:
      return default_seconds;
  }
  return std::monostate();
}

std::span<const Setting> all_settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  const auto it = std::ranges::lower_bound(kSettings, name, {}, &Setting::name);
  return it != kSettings.end() && it->name == name ? &*it : nullptr;
}

std::string variable_of(std::string_view setting) { return cat("MODAL_", to_upper(setting)); }

Result<ConfigValue> apply_rule(Rule rule, std::string_view text) {
  switch (rule) {
    case kText:
      return std::string(text);
    case kTextOrNone:
      return text.empty() ? ConfigValue() : ConfigValue(std::string(text));
    case kBool: {
      const std::string lower = to_lower(text);
      return !(lower.empty() || lower == "0" || lower == "false");
    }
    case kSeconds:
      return seconds_of(to_float(text));
    case kWholeSeconds: {
      if (text.empty()) return ConfigValue();
      const auto number = to_int(text);
      return number ? Result<ConfigValue>(*number) : wrong("must be a whole number of seconds");
    }
    // The last three are what Python's logging knows beside the documented five.
    case kLogLevel:
      return one_of(to_upper(text),
                    {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "WARN", "FATAL", "NOTSET"});
    case kLogFormat:
      return one_of(to_upper(text), {"STRING", "JSON"});
    case kPayloadFormat:
      return one_of(to_lower(text), {"pickle", "cbor"});
    case kBuildValidation:
      return one_of(to_lower(text), {"error", "warn", "ignore"});
    case kDevSuffix:
      return suffix(text);
    case kServerUrl:
      return server_urls(text);
    case kHeaders:
      return headers(text);
  }
  return wrong("has no rule");
}

Result<ConfigValue> apply_rule(Rule rule, const FileValue& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return apply_rule(rule, std::string_view(*text));
  const auto* boolean = std::get_if<bool>(&value);
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  std::optional<double> number;
  if (boolean) number = *boolean ? 1 : 0;
  if (integer) number = static_cast<double>(*integer);
  if (real) number = *real;
  switch (rule) {
    // By its text, as the environment's is: of the numbers only a whole 0 reads "0".
    case kBool:
      if (!number) return wrong("must be true or false");
      return boolean ? *boolean : integer ? *integer != 0 : true;
    case kSeconds:
      return seconds_of(number);
    case kWholeSeconds:
      return integer ? Result<ConfigValue>(*integer) : whole_seconds_of(number);
    default:
      return wrong(kTextOnly);
  }
}

}  // namespace ionian::client
