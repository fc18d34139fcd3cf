#include "cli/token_store.h"

#include <cstdlib>
#include <iostream>

#include "cli/output.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "modal_proto/token.pb.h"
#include "modal_proto/workspace.pb.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

constexpr Duration kNameWithin = 3s;

client::Session session_of(const NewToken& token, const std::string& id,
                           const std::string& secret) {
  return client::Session({.token_id = id,
                          .token_secret = secret,
                          .server_url = token.server_url,
                          .url_origin = token.url_origin});
}

void verify(client::Session& server, const NewToken& token) {
  std::cout << "Verifying token against " << token.server_url << "\n" << std::flush;
  client::say_hello(server);
  std::cout << "Token verified successfully!\n";
}

std::string profile_for(client::Session& server, const NewToken& token) {
  if (!token.profile.empty()) return token.profile;
  const char* named = std::getenv("MODAL_PROFILE");
  if (named && *named) return named;
  if (token.verify == NewToken::Verify::kNo) return config().profile();
  return call<modal::client::WorkspaceNameLookupResponse>(
             server, "WorkspaceNameLookup", google::protobuf::Empty(),
             {.timeout = kNameWithin, .retry = client::CallOptions::Retry::kNever})
      .username();
}

void let_expire(client::Session& server, const NewToken& token, const std::string& profile,
                const std::string& id) {
  TokenExpireRequest request;
  request.set_token_id(id);
  request.set_in_seconds(token.overlap_seconds);
  const auto reply = call<TokenExpireResponse>(server, "/ionian.Tokens/Expire", request);
  std::cout << "Previous token in profile " << profile << " goes on until "
            << time_text(static_cast<double>(reply.expires_at_ms()) / 1000) << ".\n";
}

void delete_old(const NewToken& token, const std::string& profile, const std::string& id,
                const std::string& secret) {
  if (id.empty() || secret.empty() || id == token.token_id) return;
  client::Session server = session_of(token, id, secret);
  modal::client::TokenDeleteRequest request;
  request.set_token_id(id);
  try {
    if (token.overlap_seconds) return let_expire(server, token, profile, id);
    call(server, "TokenDelete", request);
  } catch (const AuthError&) {
    // A pair that the server no longer takes is gone already.
  } catch (const Error& error) {
    die(cat("the new token is stored, but the old one, ", id, ", was not deleted: ", error.what()));
  }
  std::cout << "Previous token in profile " << profile << " has been deleted.\n";
}

void warn_of_overrides() {
  std::string names;
  const std::vector<std::string> set = credential_variables();
  for (const std::string& name : set) cat_to(names, names.empty() ? "" : " / ", name);
  if (set.empty()) return;
  warn(cat("The ", names, " environment variable", set.size() > 1 ? "s are" : " is",
           " set; this will override your new credentials."));
}

}  // namespace

void store_token(const NewToken& token) {
  // A file that cannot be read fails here, before the server is asked.
  const bool first = config().profiles().empty();
  client::Session server = session_of(token, token.token_id, token.token_secret);
  if (token.verify == NewToken::Verify::kYes) verify(server, token);
  const std::string profile = profile_for(server, token);
  const std::string old_id = config().get("token_id", profile, false).value_or("");
  const std::string old_secret = config().get("token_secret", profile, false).value_or("");
  std::optional<std::string> activate;
  if (token.activate == NewToken::Activate::kYes || first) activate = profile;
  // The URL is stored always: where it is missing, the official clients go to a server of their
  // own.
  config().store({{"token_id", token.token_id},
                  {"token_secret", token.token_secret},
                  {"server_url", token.server_url}},
                 profile, activate);
  std::cout << "Token written to " << config().path() << " in profile " << profile << ".\n"
            << std::flush;
  if (token.old == NewToken::Old::kDelete) delete_old(token, profile, old_id, old_secret);
  warn_of_overrides();
}

}  // namespace ionian::cli
