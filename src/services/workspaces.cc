#include "services/workspaces.h"

#include <algorithm>

#include "services/environment_rules.h"
#include "services/environments.h"

namespace ionian::services {

Result<void> check_workspace_name(std::string_view name) {
  bool fits = !name.empty() && name.size() <= 31 && name[0] != '-';
  for (const char c : name)
    fits = fits && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  if (fits) return {};
  return fail(Code::kInvalidArgument,
              "Use lower-case letters, digits and dashes, a letter or digit first, 31 at most.");
}

void Workspaces::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ClientHello", &Workspaces::hello, rpc::Access::kView);
  on("WorkspaceNameLookup", &Workspaces::name, rpc::Access::kView);
  on("WorkspaceMembersList", &Workspaces::members, rpc::Access::kMember);
  on("WorkspaceSettings", &Workspaces::settings, rpc::Access::kMember);
  on("WorkspaceSetDefaultEnvironment", &Workspaces::set_default_environment, rpc::Access::kManager);
  on("WorkspaceSetImageBuilderVersion", &Workspaces::set_builder, rpc::Access::kManager);
  on("WorkspaceDashboardUrlGet", &Workspaces::dashboard, rpc::Access::kMember);
}

Result<modal::client::ClientHelloResponse> Workspaces::hello(rpc::Call& call, const Empty&) {
  modal::client::ClientHelloResponse reply;
  reply.set_image_builder_version(builder_version_for(call.headers, ""));
  return reply;
}

Result<modal::client::WorkspaceNameLookupResponse> Workspaces::name(rpc::Call& call, const Empty&,
                                                                    store::View& view) {
  const auto workspace = store::find_workspace(view, call.caller.workspace);
  if (!workspace) return fail(Code::kNotFound, "workspace not found");
  modal::client::WorkspaceNameLookupResponse reply;
  reply.set_workspace_name(workspace->name);
  reply.set_username(workspace->name);
  return reply;
}

Result<modal::client::WorkspaceMembersListResponse> Workspaces::members(rpc::Call& call,
                                                                        const Empty&,
                                                                        store::View& view) {
  modal::client::WorkspaceMembersListResponse reply;
  for (const store::Member& member : store::list_members(view, call.caller.workspace)) {
    auto* row = reply.add_members();
    row->set_member_id(member.user.str());
    row->set_user_id(member.user.str());
    row->set_member_displayname(member.name);
    row->set_joined_at(to_unix_seconds(member.created_at));
    const rpc::WorkspaceRole role = workspace_role_of(member.role);
    row->set_member_role(role == rpc::WorkspaceRole::kOwner     ? modal::client::MEMBER_ROLE_OWNER
                         : role == rpc::WorkspaceRole::kManager ? modal::client::MEMBER_ROLE_MANAGER
                                                                : modal::client::MEMBER_ROLE_USER);
  }
  return reply;
}

Result<modal::client::WorkspaceSettingsResponse> Workspaces::settings(rpc::Call& call, const Empty&,
                                                                      store::View& view) {
  const auto workspace = store::find_workspace(view, call.caller.workspace);
  const auto environment = store::find_environment(view, call.caller.workspace, "");
  modal::client::WorkspaceSettingsResponse reply;
  if (environment) reply.set_default_environment_name(environment->name);
  if (workspace)
    reply.set_image_builder_version(
        builder_version_for(call.headers, workspace->image_builder_version));
  return reply;
}

Result<Workspaces::Empty> Workspaces::set_default_environment(
    rpc::Call& call, const modal::client::WorkspaceSetDefaultEnvironmentRequest& request,
    store::Tx& tx) {
  if (request.environment_name().empty())
    return fail(Code::kInvalidArgument, "say which environment shall be the default");
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, tx, call, request.environment_name()));
  TRY(EnvironmentRules::make_default(tx, actor_of(call), env));
  return Empty();
}

Result<modal::client::WorkspaceSetImageBuilderVersionResponse> Workspaces::set_builder(
    rpc::Call& call, const modal::client::WorkspaceSetImageBuilderVersionRequest& request,
    store::Tx& tx) {
  static constexpr std::string_view kKnown[] = {"2024.10", "2025.06", "2026.10"};
  const std::string& version = request.new_image_builder_version();
  if (std::find(std::begin(kKnown), std::end(kKnown), version) == std::end(kKnown))
    return fail(Code::kInvalidArgument, "'", version,
                "' is no image builder version of this server: 2024.10, 2025.06 or 2026.10");
  store::set_workspace_builder_version(tx, call.caller.workspace, version);
  c_.audit(tx, call, "workspace.image_builder_version", version);
  modal::client::WorkspaceSetImageBuilderVersionResponse reply;
  reply.set_image_builder_version(version);
  return reply;
}

Result<modal::client::WorkspaceDashboardUrlResponse> Workspaces::dashboard(
    rpc::Call&, const modal::client::WorkspaceDashboardUrlRequest&) {
  modal::client::WorkspaceDashboardUrlResponse reply;
  reply.set_url(c_.public_url + "/");
  return reply;
}

}  // namespace ionian::services
