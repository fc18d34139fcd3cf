#include <iostream>
#include <memory>

#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "cli/token.h"
#include "ionian/client.hpp"

namespace ionian::cli {
namespace {

using Who = std::optional<TokenInfo::Identity>;

double seconds(const std::optional<Time>& time) { return time ? to_unix_seconds(*time) : 0; }

Json who_json(const Who& who) { return who ? Json{{"id", who->id}, {"name", who->name}} : Json(); }

void print_as_json(const TokenInfo& info) {
  print_json({{"token_id", info.token_id},
              {"name", info.name},
              {"workspace", info.workspace},
              {"workspace_id", info.workspace_id},
              {"role", info.role.empty() ? Json() : Json(info.role)},
              {"user", who_json(info.user)},
              {"service_user", who_json(info.service_user)},
              {"created_by", who_json(info.created_by)},
              {"created_at", time_json(seconds(info.created_at))},
              {"expires_at", time_json(seconds(info.expires_at))},
              {"last_used_at", time_json(seconds(info.last_used_at))},
              {"environment_variables", credential_variables()}});
}

void print_as_text(const TokenInfo& info) {
  std::string names;
  const std::vector<std::string> set = credential_variables();
  for (const std::string& name : set) cat_to(names, names.empty() ? "" : " and ", name);
  if (!set.empty())
    std::cout << "(Using " << names << " environment variable" << (set.size() > 1 ? "s)\n" : ")\n");
  const auto line = [](std::string_view what, const std::string& text, const std::string& id = "") {
    if (!text.empty())
      std::cout << what << ": " << text << (id.empty() ? "" : cat(" (", id, ")")) << "\n";
  };
  const auto person = [&](std::string_view what, const Who& who) {
    if (who) line(what, who->name, who->id);
  };
  const auto time = [&](std::string_view what, const std::optional<Time>& at) {
    if (at) line(what, time_text(seconds(at)));
  };
  line("Token", info.token_id);
  line("Name", info.name);
  line("Workspace", info.workspace, info.workspace_id);
  line("Role", info.role);
  person("User", info.user);
  person("Service User", info.service_user);
  person("Created By", info.created_by);
  time("Created at", info.created_at);
  time("Expires at", info.expires_at);
  time("Last used", info.last_used_at);
}

}  // namespace

void add_token_info(Command token) {
  auto json = std::make_shared<bool>(false);
  add_command(token, "info", "Whose token is in use, and until when", kTokenInfoPage, [json] {
    const TokenInfo info = Client().token_info();
    *json ? print_as_json(info) : print_as_text(info);
  }).add_flag("--json", *json, "Print JSON");
}

}  // namespace ionian::cli
