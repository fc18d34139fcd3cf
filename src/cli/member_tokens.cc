#include <algorithm>
#include <memory>
#include <set>

#include "base/cat.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/workspace.h"
#include "ionian/error.hpp"
#include "modal_proto/token.pb.h"

namespace ionian::cli {
namespace {

struct Options {
  std::vector<std::string> ids;
  bool all = false, allow_missing = false, yes = false, json = false;

  Confirm how() const { return yes ? Confirm::kYes : Confirm::kAsk; }
};

modal::client::TokensListResponse tokens(client::Session& server) {
  return call<modal::client::TokensListResponse>(server, "TokensList");
}

void list(const Options& options) {
  const auto reply = tokens(*configured_server());
  if (options.json) {
    Json out = Json::array();
    for (const auto& one : reply.tokens())
      out.push_back({{"name", one.name().empty() ? Json() : Json(one.name())},
                     {"token_id", one.token_id()},
                     {"user_id", one.user_id()},
                     {"username", one.member_displayname()},
                     {"created_at", time_json(one.created_at())},
                     {"last_used_at", time_json(one.last_used_at())},
                     {"expires_at", time_json(one.expires_at())},
                     {"disabled", one.disabled()}});
    return print_json(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : reply.tokens())
    rows.push_back({one.token_id(), one.name().empty() ? "-" : one.name(), one.member_displayname(),
                    time_text(one.created_at()), time_text(one.last_used_at()),
                    time_text(one.expires_at()), one.disabled() ? "True" : ""});
  print_table({"Token ID", "Name", "Created By", "Created At", "Last used", "Expires", "Disabled"},
              rows);
}

std::string counted(std::size_t count) { return cat(count, count == 1 ? " token." : " tokens."); }

template <class Request>
void change(client::Session& server, std::string_view method, const std::set<std::string>& ids) {
  Request request;
  for (const std::string& id : ids) request.add_token_ids(id);
  call(server, method, request);
}

void disable(const Options& options) {
  if (options.ids.empty() && !options.all) die_of_usage("name the tokens, or give --all");
  const auto server = configured_server();
  std::set<std::string> ids(options.ids.begin(), options.ids.end());
  if (options.all) {
    ids.clear();
    const auto reply = tokens(*server);
    for (const auto& one : reply.tokens())
      if (!one.disabled()) ids.insert(one.token_id());
  }
  confirm(options.all ? cat("Disable all your tokens, ", ids.size(), " of them?")
                      : std::string("Disable the specified token(s)?"),
          options.how());
  change<modal::client::TokenDisableRequest>(*server, "TokenDisable", ids);
  print_done(cat("Disabled ", counted(ids.size())));
}

void enable(const Options& options) {
  const std::set<std::string> ids(options.ids.begin(), options.ids.end());
  confirm("Enable the specified token(s)?", options.how());
  change<modal::client::TokenEnableRequest>(*configured_server(), "TokenEnable", ids);
  print_done(cat("Enabled ", counted(ids.size())));
}

void remove(const Options& options) {
  const std::string& id = options.ids.front();
  confirm(cat("Delete the token '", id, "' for good?"), options.how());
  modal::client::TokenDeleteRequest request;
  request.set_token_id(id);
  try {
    call(*configured_server(), "TokenDelete", request);
  } catch (const NotFoundError&) {
    if (!options.allow_missing) throw;
  }
  print_done(cat("Deleted Token `", id, "`."));
}

}  // namespace

void add_member_tokens(Command workspace) {
  Command group = add_group(workspace, "member-tokens", "Tokens of people");
  const auto add = [&](const char* name, const char* description, void (*action)(const Options&)) {
    auto options = std::make_shared<Options>();
    Command command = add_command(group, name, description, kMemberTokensPage,
                                  [options, action] { action(*options); });
    return std::pair(command, options);
  };
  const auto [listing, listed] = add("list", "Show tokens; managers see everybody's", list);
  listing.add_flag("--json", listed->json, "Print JSON");
  const auto [disabling, disabled] =
      add("disable", "Refuse tokens until they are enabled", disable);
  disabling.add_option("TOKEN_IDS", disabled->ids, "ak-…");
  disabling.add_flag("--all", disabled->all, "All tokens that you may disable");
  disabling.add_flag("-y,--yes", disabled->yes, "Do not ask");
  const auto [enabling, enabled] = add("enable", "Take disabled tokens again", enable);
  enabling.add_option("TOKEN_IDS", enabled->ids, "ak-…").required();
  enabling.add_flag("-y,--yes", enabled->yes, "Do not ask");
  const auto [deleting, deleted] = add("delete", "End a token for good", remove);
  deleting.add_option("TOKEN_ID", deleted->ids, "ak-…").required().expected(1);
  deleting.add_flag("--allow-missing", deleted->allow_missing, "No error if there is none");
  deleting.add_flag("-y,--yes", deleted->yes, "Do not ask");
}

}  // namespace ionian::cli
