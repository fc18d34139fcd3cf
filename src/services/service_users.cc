#include "services/service_users.h"

#include "services/service_user_rules.h"

namespace ionian::services {
namespace {

void fill(modal::client::ServiceUser& row, store::View& view, const store::ServiceUser& user) {
  row.set_service_user_id(user.id.str());
  row.set_name(user.name);
  row.set_created_at(to_unix_seconds(user.created_at));
  row.set_status("active");
  if (const auto creator = store::find_user(view, user.created_by))
    row.set_created_by(creator->name);
  for (const store::Token& token : store::list_tokens(view, user.workspace, user.id.str())) {
    row.set_token_id(token.id.str());
    if (token.last_used_at) row.set_last_used_at(to_unix_seconds(*token.last_used_at));
    if (token.expires_at) row.set_expires_at(to_unix_seconds(*token.expires_at));
    break;  // the newest
  }
  for (const store::Environment& env : store::list_environments(view, user.workspace)) {
    const std::string role = store::environment_role(view, env.id, user.id.str());
    if (role.empty()) continue;
    auto* entry = row.add_environment_roles();
    entry->set_environment_id(env.id.str());
    entry->set_environment_name(env.name);
    entry->set_role_str(role);
  }
}

}  // namespace

void ServiceUsers::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ServiceUserCreate", &ServiceUsers::create, rpc::Access::kManager);
  on("ServiceUserList", &ServiceUsers::list, rpc::Access::kMember);
  on("ServiceUserInfo", &ServiceUsers::info, rpc::Access::kMember);
  on("ServiceUserDelete", &ServiceUsers::remove, rpc::Access::kManager);
}

Result<modal::client::ServiceUserCreateResponse> ServiceUsers::create(
    rpc::Call& call, const modal::client::ServiceUserCreateRequest& request, store::Tx& tx) {
  NewServiceUser wanted{.name = request.name()};
  if (request.expires_in_seconds())
    wanted.expires_at = call.now + 1s * request.expires_in_seconds();
  ASSIGN_OR_RETURN(const MadeServiceUser made,
                   ServiceUserRules(c_.identity, c_.random).create(tx, actor_of(call), wanted));
  modal::client::ServiceUserCreateResponse reply;
  reply.set_token_id(made.pair.id.str());
  reply.set_token_secret(made.pair.secret);
  reply.set_service_user_id(made.user.id.str());
  if (wanted.expires_at)
    reply.mutable_expires_at()->set_seconds(to_unix_ms(*wanted.expires_at) / 1000);
  return reply;
}

Result<modal::client::ServiceUserListResponse> ServiceUsers::list(rpc::Call& call, const Empty&,
                                                                  store::View& view) {
  modal::client::ServiceUserListResponse reply;
  for (const store::ServiceUser& user : store::list_service_users(view, call.caller.workspace))
    fill(*reply.add_service_users(), view, user);
  return reply;
}

Result<modal::client::ServiceUserInfoResponse> ServiceUsers::info(
    rpc::Call& call, const modal::client::ServiceUserInfoRequest& request, store::View& view) {
  const auto user =
      store::find_service_user(view, call.caller.workspace, request.service_user_name());
  if (!user)
    return fail(Code::kNotFound, "service user '", request.service_user_name(), "' not found");
  modal::client::ServiceUserInfoResponse reply;
  fill(*reply.mutable_service_user(), view, *user);
  return reply;
}

Result<ServiceUsers::Empty> ServiceUsers::remove(
    rpc::Call& call, const modal::client::ServiceUserDeleteRequest& request, store::Tx& tx) {
  const std::string& wanted =
      request.service_user_id().empty() ? request.service_user_name() : request.service_user_id();
  TRY(ServiceUserRules::remove(tx, actor_of(call), wanted));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

}  // namespace ionian::services
