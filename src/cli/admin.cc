#include <fmt/chrono.h>
#include <fmt/core.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/admin_client.h"
#include "cli/command.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options {
  std::string data, name, token_id;
  bool json = false;
};

std::string when(std::int64_t ms) {
  if (ms == 0) return "-";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}+00:00", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

template <class Reply, class Request>
Reply call(const Options& options, std::string_view method, const Request& request) {
  Reply reply;
  if (Result<void> done = call_admin(options.data, method, request, reply); !done) die(done.error().message);
  return reply;
}

void create_token(const Options& options) {
  TokenCreateRequest request;
  request.set_name(options.name);
  const auto reply = call<TokenCreateResponse>(options, "TokenCreate", request);
  if (options.json) {
    std::cout << nlohmann::ordered_json{{"token_id", reply.token_id()}, {"token_secret", reply.token_secret()},
                                        {"server_url", reply.server_url()}, {"workspace", reply.workspace()}}.dump() << "\n";
    return;
  }
  std::cout << "# The secret is shown this once.\n"
            << "export MODAL_SERVER_URL=" << reply.server_url() << "\n"
            << "export MODAL_TOKEN_ID=" << reply.token_id() << "\n"
            << "export MODAL_TOKEN_SECRET=" << reply.token_secret() << "\n";
}

void list_tokens(const Options& options) {
  const auto reply = call<TokenListResponse>(options, "TokenList", TokenListRequest());
  if (options.json) {
    auto rows = nlohmann::ordered_json::array();
    const auto time = [](std::int64_t ms) { return ms ? nlohmann::ordered_json(when(ms)) : nlohmann::ordered_json(); };
    for (const auto& t : reply.tokens())
      rows.push_back({{"token_id", t.token_id()}, {"name", t.name()}, {"workspace", t.workspace()}, {"created_at", time(t.created_at_ms())},
                      {"last_used_at", time(t.last_used_at_ms())}, {"expires_at", time(t.expires_at_ms())}, {"revoked_at", time(t.revoked_at_ms())}});
    std::cout << rows.dump(2) << "\n";
    return;
  }
  fmt::print("{:<26} {:<20} {:<12} {:<25} {}\n", "Token ID", "Name", "Workspace", "Created at", "State");
  for (const auto& t : reply.tokens())
    fmt::print("{:<26} {:<20} {:<12} {:<25} {}\n", t.token_id(), t.name(), t.workspace(), when(t.created_at_ms()),
               t.revoked_at_ms() ? "revoked " + when(t.revoked_at_ms()) : "active");
}

void revoke_token(const Options& options) {
  TokenRevokeRequest request;
  request.set_token_id(options.token_id);
  call<TokenRevokeResponse>(options, "TokenRevoke", request);
  if (options.json)
    std::cout << nlohmann::ordered_json{{"token_id", options.token_id}, {"revoked", true}}.dump() << "\n";
  else
    std::cout << "revoked " << options.token_id << "\n";
}

void print_owner_link(const Options& options) {
  const auto reply = call<OwnerLinkResponse>(options, "OwnerLink", OwnerLinkRequest());
  if (options.json)
    std::cout << nlohmann::ordered_json{{"url", reply.url()}}.dump() << "\n";
  else
    std::cout << "Make the owner account (link works once, 60 minutes): " << reply.url() << "\n";
}

void show_status(const Options& options) {
  const auto s = call<StatusResponse>(options, "Status", StatusRequest());
  const nlohmann::ordered_json fields = {{"version", s.version()}, {"started_at", when(s.started_at_ms())}, {"grpc_url", s.grpc_url()},
                                         {"http_url", s.http_url()}, {"containers", s.tasks()}, {"inputs", s.inputs()},
                                         {"calls_served", s.calls()}, {"network", s.network_warning().empty() ? "yes" : s.network_warning()}};
  if (options.json) return void(std::cout << fields.dump() << "\n");
  for (const auto& [key, value] : fields.items())
    fmt::print("{:<14} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

void add_admin(CLI::App& app) {
  CLI::App* admin = app.add_subcommand("admin", "What the owner of a data folder does, on the server's own machine");
  admin->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto finish = [options](CLI::App* command, std::string_view page, void (*action)(const Options&)) {
    command->footer(std::string(page));
    command->add_option("--data", options->data, "The server's data folder")->required();
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([options, action] { action(*options); });
  };
  CLI::App* token = admin->add_subcommand("token", "Token pairs for clients");
  token->require_subcommand(1);
  CLI::App* create = token->add_subcommand("create", "Make a token pair and print it, once");
  create->add_option("--name", options->name, "Which person or machine it is for")->required();
  finish(create, kAdminTokenPage, create_token);
  finish(token->add_subcommand("list", "List token pairs, without their secrets"), kAdminTokenPage, list_tokens);
  CLI::App* revoke = token->add_subcommand("revoke", "End a token; takes effect on its next call");
  revoke->add_option("TOKEN_ID", options->token_id, "ak-…")->required();
  finish(revoke, kAdminTokenPage, revoke_token);
  finish(admin->add_subcommand("owner-link", "Print a one-time link that makes the owner's account"), kAdminTokenPage, print_owner_link);
  finish(admin->add_subcommand("status", "What the running server is doing"), kAdminStatusPage, show_status);
}

}  // namespace ionian::cli
