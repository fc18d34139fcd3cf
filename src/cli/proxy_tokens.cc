#include <iostream>
#include <memory>

#include "base/cat.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/workspace.h"
#include "modal_proto/common.pb.h"
#include "modal_proto/token.pb.h"

namespace ionian::cli {
namespace {

struct Options {
  std::string id, name, setting, value;
  std::optional<std::string> environment;
  bool json = false, yes = false;
};

void create(const Options& options) {
  modal::client::WebhookTokenCreateRequest request;
  request.set_name(options.name);
  const auto reply =
      call<modal::client::TokenCreateResponse>(*configured_server(), "WebhookTokenCreate", request);
  const std::string bearer = cat("Bearer ", reply.token_id(), ".", reply.token_secret());
  if (options.json)
    return print_json({{"Modal-Key", reply.token_id()},
                       {"Modal-Secret", reply.token_secret()},
                       {"Authorization", bearer}});
  std::cout << "The secret is shown this once. A request carries it in either of two ways:\n\n"
            << "Modal-Key: " << reply.token_id() << "\nModal-Secret: " << reply.token_secret()
            << "\n\nAuthorization: " << bearer << "\n";
}

modal::client::WebhookTokenListResponse tokens(const Options& options) {
  const auto server = configured_server();
  using Reply = modal::client::WebhookTokenListResponse;
  if (!options.environment) return call<Reply>(*server, "WebhookTokenList");
  modal::client::WebhookTokenListForEnvironmentRequest request;
  request.set_environment_name(*options.environment);
  return call<Reply>(*server, "WebhookTokenListForEnvironment", request);
}

void list(const Options& options) {
  const auto reply = tokens(options);
  if (options.json) {
    Json out = Json::array();
    for (const auto& one : reply.tokens())
      out.push_back({{"name", one.name()},
                     {"token_id", one.token_id()},
                     {"created_at", time_json(one.created_at())},
                     {"created_by", one.created_by().username()},
                     {"scoped", one.scoped()}});
    return print_json(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : reply.tokens())
    rows.push_back({one.name(), one.token_id(), time_text(one.created_at()),
                    one.created_by().username(), one.scoped() ? "True" : "False"});
  print_table({"Name", "Token ID", "Created at", "Created by", "Scoped"}, rows);
}

void update(const Options& options) {
  if (options.setting != "name")
    die_of_usage(cat("a proxy token has no setting '", options.setting, "'; there is name"));
  modal::client::WebhookTokenUpdateRequest request;
  request.set_token_id(options.id);
  request.set_name(options.value);
  call(*configured_server(), "WebhookTokenUpdate", request);
  print_done(cat("Updated proxy token '", options.id, "'"));
}

void allow(const Options& options) {
  const auto server = configured_server();
  modal::client::WebhookTokenEnvironmentAddRequest request;
  request.set_token_id(options.id);
  request.set_environment_id(environment_id(*server, *options.environment));
  call(*server, "WebhookTokenEnvironmentAdd", request);
  print_done(cat("Proxy token '", options.id, "' opens environment '", *options.environment, "'"));
}

void revoke(const Options& options) {
  const auto server = configured_server();
  modal::client::WebhookTokenEnvironmentRemoveRequest request;
  request.set_token_id(options.id);
  request.set_environment_id(environment_id(*server, *options.environment));
  call(*server, "WebhookTokenEnvironmentRemove", request);
  print_done(cat("Proxy token '", options.id, "' no longer opens environment '",
                 *options.environment, "'"));
}

void remove(const Options& options) {
  confirm(cat("Delete the proxy token '", options.id, "'? Requests that use it will be refused."),
          options.yes ? Confirm::kYes : Confirm::kAsk);
  modal::client::TokenDeleteRequest request;
  request.set_token_id(options.id);
  call(*configured_server(), "WebhookTokenDelete", request);
  print_done(cat("Deleted proxy token '", options.id, "'"));
}

}  // namespace

void add_proxy_tokens(Command workspace) {
  Command group = add_group(workspace, "proxy-tokens", "Tokens of those who call web endpoints");
  const auto add = [&](const char* name, const char* description, void (*action)(const Options&)) {
    auto options = std::make_shared<Options>();
    Command command = add_command(group, name, description, kProxyTokensPage,
                                  [options, action] { action(*options); });
    return std::pair(command, options);
  };
  const auto [creating, created] = add("create", "Make one, and print it once", create);
  creating.add_option("--name", created->name, "Whom or what it is for");
  creating.add_flag("--json", created->json, "Print JSON");
  const auto [listing, listed] = add("list", "Show them, without their secrets", list);
  listing.add_option("-e,--environment", listed->environment, "Only those that open this one");
  listing.add_flag("--json", listed->json, "Print JSON");
  const auto [updating, updated] = add("update", "Change one's name", update);
  updating.add_option("TOKEN_ID", updated->id, "wk-…").required();
  updating.add_option("SETTING", updated->setting, "name").required();
  updating.add_option("VALUE", updated->value, "Empty: none").required();
  for (const auto& [command, options] :
       {add("allow", "Let one open an environment", allow),
        add("revoke", "Let one no longer open an environment", revoke)}) {
    command.add_option("TOKEN_ID", options->id, "wk-…").required();
    command.add_option("ENVIRONMENT", options->environment, "Its name").required();
  }
  const auto [deleting, deleted] = add("delete", "End one for good", remove);
  deleting.add_option("TOKEN_ID", deleted->id, "wk-…").required();
  deleting.add_flag("-y,--yes", deleted->yes, "Do not ask");
}

}  // namespace ionian::cli
