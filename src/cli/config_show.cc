#include <cmath>
#include <memory>

#include "cli/config.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "client/config_settings.h"

namespace ionian::cli {
namespace {

struct Options {
  bool redact = true, origin = false, internal = false, json = false;
};

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  // JSON has no infinity.
  Json operator()(double number) const {
    return std::isfinite(number) ? Json(number) : Json(cat(number));
  }
  template <class T>
  Json operator()(const T& value) const {
    return value;
  }
};

bool is_secret(const std::string& key, const ConfigValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text && !text->empty() &&
         client::find_setting(key)->secrecy == client::Setting::Secrecy::kSecret;
}

void show(const Options& options) {
  Json out = Json::object();
  for (const auto& [key, value] :
       config().to_dict(options.internal ? Config::Include::kAll : Config::Include::kPublic)) {
    const Json shown =
        options.redact && is_secret(key, value) ? Json("***") : std::visit(ToJson(), value);
    out[key] =
        options.origin ? Json{{"value", shown}, {"origin", config().origin(key).str()}} : shown;
  }
  print_json(out);
}

}  // namespace

void add_config_show(Command config) {
  auto options = std::make_shared<Options>();
  Command command = add_command(config, "show", "Print every setting as JSON", kConfigShowPage,
                                [options] { show(*options); });
  command.add_flag("--redact,!--no-redact", options->redact, "Hide secrets; on unless turned off");
  command.add_flag("--origin", options->origin, "Say where each value came from");
  command.add_flag("--include-internal", options->internal, "Internal settings too");
  command.add_flag("--json", options->json, "No effect: the output is JSON");
}

}  // namespace ionian::cli
