#include <iostream>
#include <memory>

#include "cli/config.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"

namespace ionian::cli {
namespace {

// Where MODAL_ENVIRONMENT is set too, what was stored has no effect yet.
void warn_of_override(const std::string& key) {
  const ConfigOrigin origin = config().origin(key);
  if (origin.kind == ConfigOrigin::Kind::kEnvironment)
    warn(cat("The ", origin.variable,
             " environment variable is set; it overrides what was stored."));
}

void set_environment(const std::string& name) {
  const auto server = configured_server();
  const std::string profile = config().profile();
  environment_id(*server, name);  // NotFoundError: there is none of that name
  config().store({{"environment", name}}, profile);
  std::cout << "New default environment for profile " << profile << ": " << name << "\n";
  warn_of_override("environment");
}

void set_key(const std::string& key, const std::string& value) {
  config().store({{key, value}}, config().profile());
}

}  // namespace

void add_config_set(Command config) {
  auto name = std::make_shared<std::string>();
  add_command(config, "set-environment", "Choose the profile's default environment",
              kConfigSetEnvironmentPage, [name] { set_environment(*name); })
      .add_option("ENVIRONMENT_NAME", *name, "As `ionian environment list` shows it")
      .required();
  auto key = std::make_shared<std::string>(), value = std::make_shared<std::string>();
  Command set = add_command(config, "set", "Write any key, unchecked", kConfigSetEnvironmentPage,
                            [key, value] { set_key(*key, *value); });
  set.hide();  // works, and is not in the help, as the official command
  set.add_option("KEY", *key).required();
  set.add_option("VALUE", *value).required();
}

void add_config(Command app) {
  Command group = add_group(app, "config", "The settings of this machine's clients");
  add_config_show(group);
  add_config_set(group);
}

}  // namespace ionian::cli
