#include "cli/server.h"

#include <iostream>

#include "cli/settings.h"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

constexpr Duration kAttemptTimeout = 20s;  // a person waits

bool traceback_wanted() {
  try {
    return config().traceback();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<client::Session> configured_server() {
  return std::make_unique<client::Session>(client::SessionOptions{.timeout = kAttemptTimeout});
}

std::string environment_id(client::Session& server, const std::string& name) {
  modal::client::EnvironmentGetOrCreateRequest request;
  request.set_deployment_name(name);
  return call<modal::client::EnvironmentGetOrCreateResponse>(server, "EnvironmentGetOrCreate",
                                                             request)
      .environment_id();
}

Command add_command(Command group, const std::string& name, const std::string& description,
                    std::string_view page, std::function<void()> action) {
  Command command = group.add_subcommand(name, description);
  command.footer(page);
  command.callback([action = std::move(action)] {
    try {
      run_with_settings(action);
    } catch (const Exit&) {
      throw;
    } catch (const std::exception& error) {
      if (traceback_wanted()) throw;  // ends the program where it was thrown, for a debugger
      die(cat("unexpected: ", error.what()));
    }
  });
  return command;
}

Command add_group(Command group, const std::string& name, const std::string& description) {
  Command out = group.add_subcommand(name, description);
  out.require_subcommand();
  return out;
}

void die_of_usage(std::string_view message) {
  std::cerr << "Error: " << message << "\n";
  throw Exit{2};
}

}  // namespace ionian::cli
