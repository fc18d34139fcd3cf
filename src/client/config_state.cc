#include "client/config_state.h"

#include <sys/stat.h>

#include <cstdlib>

#include "client/config_store.h"

namespace ionian::client {
namespace {

const char* variable(const Setting& setting) {
  return std::getenv(variable_of(setting.name).c_str());
}

std::string shown(const Setting& setting, std::string_view text) {
  return setting.secrecy == Setting::Secrecy::kSecret ? "***" : cat("'", text, "'");
}

std::string shown(const Setting& setting, const FileValue& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return shown(setting, std::string_view(*text));
  if (setting.secrecy == Setting::Secrecy::kSecret) return "***";
  if (const auto* other = std::get_if<OtherValue>(&value)) return other->what;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return cat(*number);
  if (const auto* number = std::get_if<double>(&value)) return cat(*number);
  return std::get<bool>(value) ? "true" : "false";
}

std::unexpected<Status> refuse(const Setting& setting, const std::string& value, const Status& rule,
                               const ConfigOrigin& origin) {
  return fail(Code::kInvalidArgument, "invalid value for ", setting.name, ": ", value, " ",
              rule.message, " (from ", origin, ")");
}

}  // namespace

void ConfigState::load() {
  remote = is_remote();
  path = config_path();
  file = {};
  error = {};
  mode = 0;
  if (!remote) {
    Result<std::optional<StoredText>> stored = read_config(path);
    Result<ConfigFile> parsed = ConfigFile();
    if (stored && *stored) {
      mode = (*stored)->mode;
      parsed = parse_config((*stored)->text, path);
    }
    if (!stored) error = stored.error();
    if (!parsed) error = parsed.error();
    if (error.ok()) file = *std::move(parsed);
  }
  const char* chosen = std::getenv("MODAL_PROFILE");
  profile_chosen = chosen && *chosen;
  profile = profile_chosen ? chosen : "default";
  if (profile_chosen) return;
  for (const Profile& one : file.profiles) {
    if (!one.active()) continue;
    profile = one.name;
    return;
  }
}

ConfigOrigin ConfigState::origin(const Setting& setting, const std::string& wanted,
                                 bool use_env) const {
  using Kind = ConfigOrigin::Kind;
  if (use_env && overrides.contains(setting.name))
    return {.kind = Kind::kOverride, .variable = {}, .file = {}, .profile = {}};
  if (use_env && variable(setting))
    return {.kind = Kind::kEnvironment,
            .variable = variable_of(setting.name),
            .file = {},
            .profile = {}};
  const Profile* found = file.find(wanted);
  const Entry* entry = found ? found->find(setting.name) : nullptr;
  if (!entry) return {};
  return {
      .kind = Kind::kFile, .variable = {}, .file = path, .profile = wanted, .line = entry->line};
}

Result<ConfigValue> ConfigState::value(const Setting& setting, const std::string& wanted,
                                       bool use_env) const {
  if (use_env) {
    const auto override = overrides.find(setting.name);
    const char* text = override != overrides.end() ? override->second.c_str() : variable(setting);
    if (text) {
      Result<ConfigValue> value = apply_rule(setting.rule, std::string_view(text));
      if (!value)
        return refuse(setting, shown(setting, std::string_view(text)), value.error(),
                      origin(setting, wanted, use_env));
      return value;
    }
  }
  const Profile* found = file.find(wanted);
  const Entry* entry = found ? found->find(setting.name) : nullptr;
  if (!entry) return setting.default_value();
  Result<ConfigValue> value = apply_rule(setting.rule, entry->value);
  if (!value)
    return refuse(setting, shown(setting, entry->value), value.error(),
                  origin(setting, wanted, use_env));
  return value;
}

void throw_status(const Status& status) {
  switch (status.code) {
    case Code::kInvalidArgument:
      throw InvalidError(status.message);
    case Code::kNotFound:
      throw NotFoundError(status.message);
    case Code::kUnauthenticated:
      throw AuthError(status.message);
    default:
      throw Error(status.message);
  }
}

}  // namespace ionian::client
