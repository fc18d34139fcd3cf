#include "cli/profile.h"

#include <iostream>
#include <memory>

#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

// The workspace's default environment, if the server answers soon; to be told is a kindness, not
// the command's purpose.
std::string default_environment() {
  try {
    modal::client::EnvironmentGetOrCreateResponse reply;
    const auto answer =
        configured_server()->try_call("EnvironmentGetOrCreate", "",
                                      {.timeout = 3s,
                                       .retry = client::CallOptions::Retry::kNever,
                                       .explain = client::CallOptions::Explain::kBriefly});
    if (answer && reply.ParseFromString(answer->body)) return reply.metadata().name();
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

void add_profile(Command app) {
  Command profile = add_group(app, "profile", "Switch between profiles of ~/.modal.toml");
  add_profile_list(profile);
  auto name = std::make_shared<std::string>();
  add_command(profile, "activate", "Use a profile from now on", kProfilePage,
              [name] { activate(*name); })
      .add_option("PROFILE", *name, "As `ionian profile list` shows it")
      .required();
  add_command(profile, "current", "Print the profile in use", kProfilePage,
              [] { std::cout << config().profile() << "\n"; });
}

}  // namespace ionian::cli
