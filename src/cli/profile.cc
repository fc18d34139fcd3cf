#include "cli/profile.h"

#include <iostream>
#include <memory>

#include "cli/pages.h"
#include "cli/server_call.h"
#include "cli/settings.h"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

// The workspace's default environment, if the server answers soon; to be told is a kindness, not
// the command's purpose.
std::string default_environment() {
  try {
    modal::client::EnvironmentGetOrCreateRequest request;
    modal::client::EnvironmentGetOrCreateResponse reply;
    if (call_server(configured_access(), "EnvironmentGetOrCreate", request, reply, 3s))
      return reply.metadata().name();
  } catch (const Error&) {
  }
  return "";
}

void activate(const std::string& name) {
  config_set_active_profile(name);
  std::cout << "Active profile: " << name << "\n" << std::flush;
  std::string environment = config().get("environment", name).value_or("");
  if (environment.empty()) environment = default_environment();
  if (!environment.empty()) std::cout << "Active environment: " << environment << "\n";
}

}  // namespace

void add_profile(CLI::App& app) {
  CLI::App* profile = app.add_subcommand("profile", "Switch between profiles of ~/.modal.toml");
  profile->require_subcommand(1);
  add_profile_list(*profile);
  auto name = std::make_shared<std::string>();
  CLI::App* chosen = profile->add_subcommand("activate", "Use a profile from now on");
  chosen->footer(std::string(kProfilePage));
  chosen->add_option("PROFILE", *name, "As `ionian profile list` shows it")->required();
  chosen->callback([name] { run_with_settings([&] { activate(*name); }); });
  CLI::App* current = profile->add_subcommand("current", "Print the profile in use");
  current->footer(std::string(kProfilePage));
  current->callback([] { run_with_settings([] { std::cout << config().profile() << "\n"; }); });
}

}  // namespace ionian::cli
