#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string name, token_id, workspace, user, role, expires_in;
  std::vector<std::string> environments;
};

Json time_or_null(std::int64_t ms) { return time_json(static_cast<double>(ms) / 1000); }

void create(const Options& options) {
  TokenCreateRequest request;
  request.set_name(options.name);
  request.set_workspace(options.workspace);
  request.set_user(options.user);
  request.set_role(options.role);
  for (const std::string& name : options.environments) request.add_environments(name);
  if (!options.expires_in.empty()) {
    const auto seconds = parse_duration(options.expires_in, Bare::kSeconds);
    if (!seconds) die("--expires-in takes a length of time, like 3600, 30m, 12h or 7d");
    request.set_expires_in_seconds(*seconds);
  }
  const auto reply = ask_server<TokenCreateResponse>(options, "TokenCreate", request);
  if (options.json) {
    std::cout << Json{{"token_id", reply.token_id()},
                      {"token_secret", reply.token_secret()},
                      {"server_url", reply.server_url()},
                      {"workspace", reply.workspace()}}
                     .dump()
              << "\n";
    return;
  }
  std::cout << "# The secret is shown this once.\n"
            << "export MODAL_SERVER_URL=" << reply.server_url() << "\n"
            << "export MODAL_TOKEN_ID=" << reply.token_id() << "\n"
            << "export MODAL_TOKEN_SECRET=" << reply.token_secret() << "\n";
}

void list(const Options& options) {
  const auto reply = ask_server<TokenListResponse>(options, "TokenList", TokenListRequest());
  if (options.json) {
    Json rows = Json::array();
    for (const auto& t : reply.tokens())
      rows.push_back({{"token_id", t.token_id()},
                      {"name", t.name()},
                      {"workspace", t.workspace()},
                      {"created_at", time_or_null(t.created_at_ms())},
                      {"last_used_at", time_or_null(t.last_used_at_ms())},
                      {"expires_at", time_or_null(t.expires_at_ms())},
                      {"revoked_at", time_or_null(t.revoked_at_ms())}});
    return print_json(rows);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& t : reply.tokens())
    rows.push_back({t.token_id(), t.name(), t.workspace(),
                    time_text(static_cast<double>(t.created_at_ms()) / 1000),
                    t.revoked_at_ms() ? "revoked" : "active"});
  print_table({"Token ID", "Name", "Workspace", "Created at", "State"}, rows);
}

void revoke(const Options& options) {
  TokenRevokeRequest request;
  request.set_token_id(options.token_id);
  ask_server<TokenRevokeResponse>(options, "TokenRevoke", request);
  if (options.json)
    std::cout << Json{{"token_id", options.token_id}, {"revoked", true}}.dump() << "\n";
  else
    std::cout << "revoked " << options.token_id << "\n";
}

}  // namespace

void add_admin_token(Command admin) {
  const auto options = std::make_shared<Options>();
  Command token = admin.add_subcommand("token", "Token pairs for clients");
  token.require_subcommand();
  Command one = token.add_subcommand("create", "Make a token pair and print it, once");
  one.add_option("--name", options->name, "Which person or machine it is for").required();
  one.add_option("--workspace", options->workspace, "Where it holds (default: the first one)");
  one.add_option("--user", options->user, "Whom it acts as: name or email (default: the owner)");
  one.add_option("--role", options->role, "member or viewer, to let it do less than its user");
  one.add_option("--environment", options->environments, "Only there; may be given again");
  one.add_option("--expires-in", options->expires_in, "When it ends: 12h, 7d (default: never)");
  finish_admin(one, kAdminTokenPage, options, create);
  finish_admin(token.add_subcommand("list", "List token pairs, without their secrets"),
               kAdminTokenPage, options, list);
  Command ended = token.add_subcommand("revoke", "End a token; takes effect on its next call");
  ended.add_option("TOKEN_ID", options->token_id, "ak-…").required();
  finish_admin(ended, kAdminTokenPage, options, revoke);
}

}  // namespace ionian::cli
