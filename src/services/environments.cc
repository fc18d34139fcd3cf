#include "services/environments.h"

#include <array>
#include <cstdio>

#include "services/environment_rules.h"

namespace ionian::services {
namespace {

constexpr std::string_view kDefaultBuilder = "2025.06";

struct Version {
  int major = 0, minor = 0, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

Version parse_version(const std::string& text) {
  Version v;
  std::sscanf(text.c_str(), "%d.%d.%d", &v.major, &v.minor, &v.patch);
  return v;
}

}  // namespace

std::string builder_version_for(const rpc::RequestHeaders& client, const std::string& wanted) {
  const std::string setting = wanted.empty() ? std::string(kDefaultBuilder) : wanted;
  // JavaScript and Go take any; they say nothing of their own version in this header.
  if (client.client_type != rpc::ClientType::kPython &&
      client.client_type != rpc::ClientType::kContainer)
    return setting;
  const Version v = parse_version(client.client_version);
  std::string newest = "2026.10";
  if (v < Version{1, 6, 1}) newest = "2025.06";
  if (v < Version{1, 1, 0}) newest = "2024.10";
  return std::min(setting, newest);
}

Result<store::Environment> environment_of(const Context& c, store::View& view,
                                          const rpc::Call& call, const std::string& name) {
  const rpc::Caller& caller = call.caller;
  std::optional<store::Environment> found =
      name.empty() && !caller.environment.empty()
          ? store::find_environment_by_id(view, caller.workspace, caller.environment)
          : store::find_environment(view, caller.workspace, name);
  TRY(c.access.check(call, found ? &found->id : nullptr,
                     {"environment", name, "not found in this workspace"}));
  return *std::move(found);
}

void Environments::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("EnvironmentGetOrCreate", &Environments::get_or_create, rpc::Access::kView);
  on("EnvironmentCreate", &Environments::create, rpc::Access::kManager);
  on("EnvironmentList", &Environments::list, rpc::Access::kView);
  on("EnvironmentUpdate", &Environments::update, rpc::Access::kManager);
  on("EnvironmentDelete", &Environments::remove, rpc::Access::kManager);
  on("EnvironmentSetManaged", &Environments::set_managed, rpc::Access::kManager);
  on("EnvironmentGetRoles", &Environments::get_roles, rpc::Access::kView);
  on("EnvironmentRoleSet", &Environments::set_role, rpc::Access::kManager);
}

namespace {

void fill_item(modal::client::EnvironmentListItem& item, const store::Environment& e) {
  item.set_name(e.name);
  item.set_environment_id(e.id.str());
  item.set_webhook_suffix(e.web_suffix);
  item.set_created_at(to_unix_seconds(e.created_at));
  item.set_default_(e.is_default);
  item.set_is_managed(e.restricted);
  if (!e.image_builder_version.empty()) item.set_image_builder_version(e.image_builder_version);
}

Result<store::Environment> by_id(store::View& view, const rpc::Call& call, const std::string& id) {
  auto found = store::find_environment_by_id(view, call.caller.workspace, EnvironmentId(id));
  if (!found) return fail(Code::kNotFound, "environment '", id, "' not found in this workspace");
  return *std::move(found);
}

}  // namespace

Result<modal::client::EnvironmentGetOrCreateResponse> Environments::get_or_create(
    rpc::Call& call, const modal::client::EnvironmentGetOrCreateRequest& request, store::Tx& tx) {
  Result<store::Environment> env = environment_of(c_, tx, call, request.deployment_name());
  const bool creates =
      request.object_creation_type() == modal::client::OBJECT_CREATION_TYPE_CREATE_IF_MISSING;
  if (!env && env.error().code == Code::kNotFound && creates) {
    if (call.caller.role < rpc::WorkspaceRole::kManager)
      return fail(Code::kPermissionDenied, "creating environment '", request.deployment_name(),
                  "' needs the role manager in this workspace");
    env = EnvironmentRules::create(tx, actor_of(call), c_.random,
                                   {.name = request.deployment_name()});
    if (env) call.after_commit([this] { c_.forget_identities(); });
  }
  if (!env) return std::unexpected(env.error());
  const auto workspace = store::find_workspace(tx, call.caller.workspace);
  const std::string& wanted = env->image_builder_version.empty() ? workspace->image_builder_version
                                                                 : env->image_builder_version;
  modal::client::EnvironmentGetOrCreateResponse reply;
  reply.set_environment_id(env->id.str());
  reply.mutable_metadata()->set_name(env->name);
  auto* settings = reply.mutable_metadata()->mutable_settings();
  settings->set_image_builder_version(builder_version_for(call.headers, wanted));
  settings->set_webhook_suffix(env->web_suffix);
  return reply;
}

Result<Environments::Empty> Environments::create(
    rpc::Call& call, const modal::client::EnvironmentCreateRequest& request, store::Tx& tx) {
  TRY(EnvironmentRules::create(
      tx, actor_of(call), c_.random,
      {.name = request.name(),
       .restricted = request.is_managed(),
       .default_role = request.default_member_role_str(),
       .image_builder_version = request.settings().image_builder_version()}));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

Result<modal::client::EnvironmentListResponse> Environments::list(rpc::Call& call, const Empty&,
                                                                  store::View& view) {
  modal::client::EnvironmentListResponse reply;
  for (const store::Environment& env : store::list_environments(view, call.caller.workspace))
    if (AccessRules::role_in(view, call.caller, env) != rpc::EnvironmentRole::kNoAccess)
      fill_item(*reply.add_items(), env);
  return reply;
}

Result<modal::client::EnvironmentListItem> Environments::update(
    rpc::Call& call, const modal::client::EnvironmentUpdateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(store::Environment env, environment_of(c_, tx, call, request.current_name()));
  EnvironmentChange change;
  if (request.has_name()) change.name = request.name().value();
  if (request.has_web_suffix()) change.web_suffix = request.web_suffix().value();
  if (request.has_image_builder_version())
    change.image_builder_version = request.image_builder_version();
  ASSIGN_OR_RETURN(env, EnvironmentRules::update(tx, actor_of(call), env, change));
  call.after_commit([this] { c_.forget_identities(); });
  modal::client::EnvironmentListItem reply;
  fill_item(reply, env);
  return reply;
}

Result<Environments::Empty> Environments::remove(
    rpc::Call& call, const modal::client::EnvironmentDeleteRequest& request, store::Tx& tx) {
  if (request.name().empty())
    return fail(Code::kInvalidArgument, "say which environment to delete");
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c_, tx, call, request.name()));
  TRY(EnvironmentRules::remove(tx, actor_of(call), env, c_.keep_deleted));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

Result<Environments::Empty> Environments::set_managed(
    rpc::Call& call, const modal::client::EnvironmentSetManagedRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::Environment env, by_id(tx, call, request.environment_id()));
  std::string role;
  if (request.has_default_member_role())
    role = request.default_member_role() == modal::client::ENVIRONMENT_ROLE_CONTRIBUTOR
               ? "contributor"
           : request.default_member_role() == modal::client::ENVIRONMENT_ROLE_VIEWER ? "viewer"
                                                                                     : "no-access";
  TRY(EnvironmentRules::set_restricted(tx, actor_of(call), env, request.managed(), role));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

Result<modal::client::EnvironmentGetRolesResponse> Environments::get_roles(
    rpc::Call& call, const modal::client::EnvironmentGetRolesRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env, by_id(view, call, request.environment_id()));
  if (AccessRules::role_in(view, call.caller, env) == rpc::EnvironmentRole::kNoAccess)
    return fail(Code::kNotFound, "environment '", request.environment_id(),
                "' not found in this workspace");
  modal::client::EnvironmentGetRolesResponse reply;
  reply.set_name(env.name);
  reply.set_created_at(to_unix_seconds(env.created_at));
  const auto role_of = [&](const std::string& principal, rpc::WorkspaceRole role) {
    const rpc::Caller as{.kind = rpc::CallerKind::kToken,
                         .workspace = env.workspace,
                         .environment = {},
                         .token = {},
                         .principal = principal,
                         .role = role};
    return std::string(role_text(AccessRules::role_in(view, as, env)));
  };
  for (const store::Member& member : store::list_members(view, env.workspace)) {
    auto* p = reply.add_principal_roles();
    p->set_user_id(member.user.str());
    p->set_user_name(member.name);
    p->set_role_str(role_of(member.user.str(), workspace_role_of(member.role)));
    p->set_has_role_assignment(!store::environment_role(view, env.id, member.user.str()).empty());
  }
  for (const store::ServiceUser& user : store::list_service_users(view, env.workspace)) {
    auto* p = reply.add_principal_roles();
    p->set_service_user_id(user.id.str());
    p->set_service_user_name(user.name);
    p->set_role_str(role_of(user.id.str(), rpc::WorkspaceRole::kService));
    p->set_has_role_assignment(!store::environment_role(view, env.id, user.id.str()).empty());
  }
  return reply;
}

Result<Environments::Empty> Environments::set_role(
    rpc::Call& call, const modal::client::EnvironmentRoleSetRequest& request, store::Tx& tx) {
  Result<store::Environment> env = request.environment_id().empty()
                                       ? environment_of(c_, tx, call, request.environment_name())
                                       : by_id(tx, call, request.environment_id());
  if (!env) return std::unexpected(env.error());
  std::string role = request.role_str();
  if (role.empty() && request.role() == modal::client::ENVIRONMENT_ROLE_CONTRIBUTOR)
    role = "contributor";
  if (role.empty() && request.role() == modal::client::ENVIRONMENT_ROLE_VIEWER) role = "viewer";
  if (role.empty() && request.role() == modal::client::ENVIRONMENT_ROLE_NO_ACCESS)
    role = "no-access";
  std::string principal = request.user_id();
  if (principal.empty()) {
    const std::string& wanted =
        request.service_user_id().empty() ? request.service_user_name() : request.service_user_id();
    const auto user = store::find_service_user(tx, call.caller.workspace, wanted);
    if (!user) return fail(Code::kNotFound, "service user '", wanted, "' not found");
    principal = user->id.str();
  }
  TRY(EnvironmentRules::set_role(tx, actor_of(call), *env, principal, role));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

}  // namespace ionian::services
