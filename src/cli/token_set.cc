#include <google/protobuf/empty.pb.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "cli/hidden_input.h"
#include "cli/pages.h"
#include "cli/server_call.h"
#include "cli/settings.h"
#include "cli/token.h"
#include "client/config_credentials.h"
#include "modal_proto/client.pb.h"
#include "modal_proto/token.pb.h"
#include "modal_proto/workspace.pb.h"

namespace ionian::cli {
namespace {

struct Options {
  std::optional<std::string> token_id, token_secret;
  bool activate = true, verify = true, delete_existing = false;
};

std::string given_or_asked(const std::optional<std::string>& given, const std::string& what) {
  if (given && *given != "-") return *given;
  Result<std::string> line = given ? read_hidden(what + ": ") : ask_hidden(what + ": ");
  if (!line) die(cat("no ", what, ": ", line.error().message));
  return *line;
}

void check(std::string_view name, const std::string& value) {
  if (value.empty()) die(cat(name, " is empty"));
  Result<void> fine = client::check_credential(name, value, "what was entered");
  if (!fine) die(fine.error().message);
}

void verify(const ServerAccess& server) {
  std::cout << "Verifying token against " << server.urls << "\n" << std::flush;
  modal::client::ClientHelloResponse reply;
  Result<void> done = call_server(server, "ClientHello", google::protobuf::Empty(), reply);
  if (!done) die(done.error().message);
  std::cout << "Token verified successfully!\n";
}

// The profile is the one that was named, else it is named after the workspace. Unverified, no
// server is asked, and the profile in use takes the pair.
std::string profile_for(const ServerAccess& server, const Options& options) {
  const char* named = std::getenv("MODAL_PROFILE");
  if (named && *named) return named;
  if (!options.verify) return config().profile();
  modal::client::WorkspaceNameLookupResponse reply;
  Result<void> done = call_server(server, "WorkspaceNameLookup", google::protobuf::Empty(), reply);
  if (!done) die(done.error().message);
  return reply.username();
}

void delete_old(ServerAccess server, const std::string& profile, const std::string& id,
                const std::string& secret) {
  if (id.empty() || secret.empty() || id == server.token_id) return;
  server.token_id = id;
  server.token_secret = secret;
  modal::client::TokenDeleteRequest request;
  request.set_token_id(id);
  google::protobuf::Empty reply;
  Result<void> done = call_server(server, "TokenDelete", request, reply);
  // A pair that the server no longer takes is gone already.
  if (!done && done.error().code != Code::kUnauthenticated)
    die(cat("the new token is stored, but the old one was not deleted: ", done.error().message));
  std::cout << "Previous token in profile " << profile << " has been deleted.\n";
}

void warn_of_overrides() {
  std::string names;
  const std::vector<std::string> set = credential_variables();
  for (const std::string& name : set) cat_to(names, names.empty() ? "" : " / ", name);
  if (set.size() == 1)
    warn(cat("The ", names,
             " environment variable is set; this will override your new credentials."));
  if (set.size() > 1)
    warn(cat("The ", names,
             " environment variables are set; this will override your new credentials."));
}

void set_token(const Options& options) {
  if (options.token_secret && *options.token_secret != "-")
    warn(
        "a secret on the command line can be read by others in the process list, and shells keep "
        "it in their history. "
        "`--token-secret -` reads it from stdin");
  const std::vector<std::string> profiles =
      config().profiles();  // a file that cannot be written is found before any question
  ServerAccess server{config().server_url(), config().origin("server_url").str(),
                      given_or_asked(options.token_id, "Token ID"),
                      given_or_asked(options.token_secret, "Token secret")};
  check("token_id", server.token_id);
  check("token_secret", server.token_secret);
  if (options.verify) verify(server);
  const std::string profile = profile_for(server, options);
  const std::string old_id = config().get("token_id", profile, false).value_or("");
  const std::string old_secret = config().get("token_secret", profile, false).value_or("");
  std::optional<std::string> activate;
  if (options.activate || profiles.empty()) activate = profile;
  // The URL is stored always: where it is missing, the official clients go to a server of their
  // own.
  config().store({{"token_id", server.token_id},
                  {"token_secret", server.token_secret},
                  {"server_url", server.urls}},
                 profile, activate);
  std::cout << "Token written to " << config().path() << " in profile " << profile << ".\n"
            << std::flush;
  if (options.delete_existing) delete_old(server, profile, old_id, old_secret);
  warn_of_overrides();
}

}  // namespace

void add_token_set(CLI::App& token) {
  auto options = std::make_shared<Options>();
  CLI::App* command = token.add_subcommand("set", "Store a token pair");
  command->footer(std::string(kTokenSetPage));
  command->add_option("--token-id", options->token_id, "ak-…; - reads it from stdin");
  command->add_option("--token-secret", options->token_secret, "as-…; - reads it from stdin");
  command->add_flag("--activate,!--no-activate", options->activate,
                    "Use this profile from now on; on unless turned off");
  command->add_flag("--verify,!--no-verify", options->verify,
                    "Ask the server whether it takes the pair; on unless turned off");
  command->add_flag("--delete-existing", options->delete_existing,
                    "Then delete the token that the profile had before");
  command->callback([options] { run_with_settings([&] { set_token(*options); }); });
}

}  // namespace ionian::cli
