#include "cli/workspace.h"

#include <algorithm>
#include <memory>

#include "base/cat.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "modal_proto/workspace.pb.h"

namespace ionian::cli {
namespace {

std::string_view role_name(modal::client::MemberRole role) {
  switch (role) {
    case modal::client::MEMBER_ROLE_OWNER:
      return "owner";
    case modal::client::MEMBER_ROLE_MANAGER:
      return "manager";
    case modal::client::MEMBER_ROLE_USER:
      return "member";
    default:
      return "unknown";
  }
}

void list_members(bool json) {
  auto reply = call<modal::client::WorkspaceMembersListResponse>(*configured_server(),
                                                                 "WorkspaceMembersList");
  std::ranges::sort(*reply.mutable_members(), {},
                    [](const auto& m) { return m.member_displayname(); });
  if (json) {
    Json out = Json::array();
    for (const auto& one : reply.members())
      out.push_back({{"name", one.member_displayname()},
                     {"email", one.email()},
                     {"role", role_name(one.member_role())},
                     {"user_id", one.user_id()},
                     {"joined", time_json(one.joined_at())},
                     {"last_active", time_json(one.last_active_at())}});
    return print_json(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : reply.members())
    rows.push_back({one.member_displayname(), one.email(),
                    std::string(role_name(one.member_role())), one.user_id(),
                    time_text(one.joined_at()), time_text(one.last_active_at())});
  print_table({"Name", "Email", "Role", "User ID", "Joined", "Last active"}, rows);
}

modal::client::WorkspaceSettingsResponse settings_of(client::Session& server) {
  return call<modal::client::WorkspaceSettingsResponse>(server, "WorkspaceSettings");
}

void list_settings(bool json) {
  const auto reply = settings_of(*configured_server());
  const std::vector<std::vector<std::string>> rows = {
      {"default-environment", reply.default_environment_name()},
      {"image-builder-version", reply.image_builder_version()}};
  if (!json) return print_table({"Setting", "Value"}, rows);
  Json out = Json::array();
  for (const auto& row : rows) out.push_back({{"setting", row[0]}, {"value", row[1]}});
  print_json(out);
}

void set_setting(const std::string& setting, const std::string& value) {
  const auto server = configured_server();
  const auto before = settings_of(*server);
  std::string old;
  if (setting == "default-environment") {
    old = before.default_environment_name();
    modal::client::WorkspaceSetDefaultEnvironmentRequest request;
    request.set_environment_name(value);
    call(*server, "WorkspaceSetDefaultEnvironment", request);
  } else if (setting == "image-builder-version") {
    old = before.image_builder_version();
    modal::client::WorkspaceSetImageBuilderVersionRequest request;
    request.set_new_image_builder_version(value);
    call(*server, "WorkspaceSetImageBuilderVersion", request);
  } else {
    die(cat("there is no setting '", setting,
            "'. There are default-environment and image-builder-version"));
  }
  print_done(cat(setting, ": updated from ", old, " to ", value));
}

}  // namespace

void add_workspace(Command app) {
  Command group = add_group(app, "workspace", "The workspace of the token in use");
  add_workspace_members(group);
  add_member_tokens(group);
  add_service_users(group);
  add_proxy_tokens(group);
  add_workspace_settings(group);
}

void add_workspace_members(Command workspace) {
  Command group = add_group(workspace, "members", "The people of the workspace");
  auto json = std::make_shared<bool>(false);
  add_command(group, "list", "Show the members and their roles", kWorkspaceMembersPage, [json] {
    list_members(*json);
  }).add_flag("--json", *json, "Print JSON");
}

void add_workspace_settings(Command workspace) {
  Command group = add_group(workspace, "settings", "What holds for the whole workspace");
  auto json = std::make_shared<bool>(false);
  add_command(group, "list", "Show the settings", kWorkspaceSettingsPage, [json] {
    list_settings(*json);
  }).add_flag("--json", *json, "Print JSON");
  auto setting = std::make_shared<std::string>(), value = std::make_shared<std::string>();
  Command change =
      add_command(group, "set", "Change a setting; for managers and owners", kWorkspaceSettingsPage,
                  [setting, value] { set_setting(*setting, *value); });
  change.add_option("SETTING", *setting, "default-environment or image-builder-version").required();
  change.add_option("VALUE", *value, "Its new value").required();
}

}  // namespace ionian::cli
