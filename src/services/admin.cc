#include "services/admin.h"

#include "store/workspaces.h"

namespace ionian::services {

Result<void> make_first_workspace(store::Tx& tx, Random& random, Time now) {
  if (store::find_first_workspace(tx)) return {};
  const store::Workspace workspace{.id = WorkspaceId::make(random, now), .name = std::string(kFirstWorkspace)};
  store::insert_workspace(tx, workspace, now);
  store::insert_environment(tx, {.id = EnvironmentId::make(random, now), .workspace = workspace.id, .name = std::string(kFirstEnvironment), .web_suffix = "",
                                 .image_builder_version = "", .is_default = true}, now);
  // The owner exists from the first start on; a password comes with the one-time link.
  const store::User owner{.id = UserId::make(random, now), .name = std::string(kFirstUser), .email = "", .password_hash = "", .created_at = now};
  store::insert_user(tx, owner);
  store::set_member(tx, workspace.id, owner.id, "owner", now);
  return {};
}

Result<void> make_owner_account(store::Tx& tx, const std::string& email, const std::string& password, Time now) {
  if (email.find('@') == std::string::npos) return fail(Code::kInvalidArgument, "--owner-email '", email, "' is no email address");
  if (password.size() < 12) return fail(Code::kInvalidArgument, "the owner's password has 12 characters or more");
  auto owner = store::find_first_user(tx);
  if (!owner || !owner->password_hash.empty()) return {};
  owner->email = email;
  ASSIGN_OR_RETURN(owner->password_hash, SignIns::hash_password(password));
  store::update_user(tx, *owner);
  store::append_audit(tx, {.at = now, .workspace = store::first_workspace_of(tx, owner->id), .actor = "owner", .source = "stdin", .action = "owner.create", .target = email});
  return {};
}

void Admin::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("TokenCreate", &Admin::create_token, rpc::Access::kOwner);
  on("TokenList", &Admin::list_tokens, rpc::Access::kOwner);
  on("TokenRevoke", &Admin::revoke_token, rpc::Access::kOwner);
  on("OwnerLink", &Admin::owner_link, rpc::Access::kOwner);
  on("Status", &Admin::status, rpc::Access::kOwner);
}

Result<TokenCreateResponse> Admin::create_token(rpc::Call& call, const TokenCreateRequest& request, store::Tx& tx) {
  if (request.name().empty() || request.name().size() > 64)
    return fail(Code::kInvalidArgument, "a token's name has 1 to 64 characters; say which machine or person it is for");
  const std::string& name = request.workspace();
  const auto workspace = name.empty() ? store::find_first_workspace(tx) : store::find_workspace_by_name(tx, name);
  if (!workspace) return fail(Code::kNotFound, "workspace '", name, "' not found");
  const auto owner = request.user().empty() ? store::find_first_user(tx) : store::find_user_by_name(tx, request.user());
  if (!owner || store::member_role(tx, workspace->id, owner->id).empty())
    return fail(Code::kNotFound, "user '", request.user(), "' is no member of workspace '", name, "'");
  auto [pair, record] = c_.identity.make_token(c_.random, workspace->id, owner->id.str(), request.name());
  if (request.expires_in_seconds()) record.expires_at = call.now + 1s * request.expires_in_seconds();
  store::insert_token(tx, record);
  call.caller.workspace = workspace->id;
  c_.audit(tx, call, "token.create", record.id.str(), request.name());
  TokenCreateResponse reply;
  reply.set_token_id(pair.id.str());
  reply.set_token_secret(pair.secret);
  reply.set_server_url(facts_.grpc_url);
  reply.set_workspace(workspace->name);
  return reply;
}

Result<OwnerLinkResponse> Admin::owner_link(rpc::Call& call, const OwnerLinkRequest&, store::View& view) {
  const auto owner = store::find_first_user(view);
  if (!owner || !owner->password_hash.empty())
    return fail(Code::kFailedPrecondition, "the owner has an account already: ", owner ? owner->email : "");
  OwnerLinkResponse reply;
  reply.set_url(cat(c_.public_url, "/first-owner?key=", c_.sign_ins.make_owner_key(call.now)));
  return reply;
}

Result<TokenListResponse> Admin::list_tokens(rpc::Call&, const TokenListRequest&, store::View& view) {
  const auto workspace = store::find_first_workspace(view);
  if (!workspace) return fail(Code::kNotFound, "there is no workspace");
  const auto ms = [](const std::optional<Time>& t) { return t ? to_unix_ms(*t) : 0; };
  TokenListResponse reply;
  for (const store::Token& token : store::list_tokens(view, workspace->id, "")) {
    auto* row = reply.add_tokens();
    row->set_token_id(token.id.str());
    row->set_name(token.name);
    row->set_workspace(workspace->name);
    row->set_created_at_ms(to_unix_ms(token.created_at));
    row->set_last_used_at_ms(ms(token.last_used_at));
    row->set_revoked_at_ms(ms(token.revoked_at));
    row->set_expires_at_ms(ms(token.expires_at));
  }
  return reply;
}

Result<TokenRevokeResponse> Admin::revoke_token(rpc::Call& call, const TokenRevokeRequest& request, store::Tx& tx) {
  const auto token = store::find_token(tx, TokenId(request.token_id()));
  if (!token) return fail(Code::kNotFound, "token '", request.token_id(), "' not found");
  store::revoke_token(tx, token->id, call.now, "owner");
  call.caller.workspace = token->workspace;
  c_.audit(tx, call, "token.revoke", token->id.str());
  call.after_commit([this] { c_.forget_identities(); });
  return TokenRevokeResponse();
}

Result<StatusResponse> Admin::status(rpc::Call&, const StatusRequest&, core::Core& core) {
  StatusResponse reply;
  reply.set_version(facts_.version);
  reply.set_started_at_ms(to_unix_ms(facts_.started));
  reply.set_grpc_url(facts_.grpc_url);
  reply.set_http_url(facts_.http_url);
  reply.set_tasks(static_cast<std::int32_t>(core.tasks().size()));
  reply.set_inputs(static_cast<std::int64_t>(core.live_inputs()));
  reply.set_calls(facts_.counters->calls);
  reply.set_network_warning(facts_.network_warning);
  return reply;
}

}  // namespace ionian::services
