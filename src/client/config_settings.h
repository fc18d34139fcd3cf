#pragma once
// The table of all settings: name, default, rule. A rule takes the text of an environment variable
// or a value of the file, and gives the setting's value or says what it would take.
#include <span>
#include <string_view>

#include "base/result.h"
#include "client/config_file.h"
#include "ionian/config.hpp"

namespace ionian::client {

enum class Rule {
  kText,          // any text
  kTextOrNone,    // any text; an empty one is none
  kBool,          // false: "", "0", "false" in any case
  kSeconds,       // a number, with or without a fraction
  kWholeSeconds,  // a whole number; an empty text is none
  kLogLevel,
  kLogFormat,
  kPayloadFormat,
  kBuildValidation,
  kDevSuffix,
  kServerUrl,
  kHeaders,  // name:value,name:value
};

struct Setting {
  std::string_view name;
  Rule rule = Rule::kText;
  enum class Default { kNone, kFalse, kTrue, kText, kSeconds } default_kind = Default::kNone;
  std::string_view default_text;
  double default_seconds = 0;
  enum class Scope { kPublic, kInternal } scope = Scope::kPublic;
  enum class Secrecy { kOpen, kSecret } secrecy = Secrecy::kOpen;

  ConfigValue default_value() const;
};

// Sorted by name.
std::span<const Setting> all_settings();
// Null: no such setting.
const Setting* find_setting(std::string_view name);
// "MODAL_LOGLEVEL"
std::string variable_of(std::string_view setting);

// The error's message is the rule alone: who calls adds the setting, the value and its origin.
Result<ConfigValue> apply_rule(Rule rule, std::string_view text);
Result<ConfigValue> apply_rule(Rule rule, const FileValue& value);

}  // namespace ionian::client
