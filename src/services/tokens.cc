#include "services/tokens.h"

#include "services/token_rules.h"

namespace ionian::services {
namespace {

void set_stamp(google::protobuf::Timestamp* stamp, Time t) {
  stamp->set_seconds(to_unix_ms(t) / 1000);
}

// What the token may do in its workspace, in a word.
std::string role_of(const rpc::Caller& caller, const store::Token& token) {
  if (!token.role.empty()) return token.role;
  switch (caller.role) {
    case rpc::WorkspaceRole::kOwner:
      return "owner";
    case rpc::WorkspaceRole::kManager:
      return "manager";
    case rpc::WorkspaceRole::kMember:
      return "member";
    default:
      return "service user";
  }
}

}  // namespace

void Tokens::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("TokenInfoGet", &Tokens::info, rpc::Access::kMember);
  on("TokensList", &Tokens::list, rpc::Access::kMember);
  on("TokenDisable", &Tokens::disable, rpc::Access::kUnlimited);
  on("TokenEnable", &Tokens::enable, rpc::Access::kUnlimited);
  on("TokenDelete", &Tokens::remove, rpc::Access::kMember);
  on("AuthTokenGet", &Tokens::auth_token, rpc::Access::kView);
  rpc::Table::Binder own(table, this, "/ionian.Tokens/");
  own("Expire", &Tokens::expire, rpc::Access::kMember);
}

Result<modal::client::TokenInfoGetResponse> Tokens::info(rpc::Call& call,
                                                         const modal::client::TokenInfoGetRequest&,
                                                         store::View& view) {
  const auto token = store::find_token(view, call.caller.token);
  const auto workspace = store::find_workspace(view, call.caller.workspace);
  if (!token || !workspace) return fail(Code::kNotFound, "token not found");
  call.reply_headers.emplace_back("x-ionian-role", role_of(call.caller, *token));
  modal::client::TokenInfoGetResponse reply;
  reply.set_token_id(token->id.str());
  reply.set_token_name(token->name);
  reply.set_workspace_id(workspace->id.str());
  reply.set_workspace_name(workspace->name);
  set_stamp(reply.mutable_created_at(), token->created_at);
  if (token->expires_at) set_stamp(reply.mutable_expires_at(), *token->expires_at);
  if (const auto service = store::find_service_user(view, workspace->id, token->principal)) {
    auto* identity = reply.mutable_service_user_identity();
    identity->set_service_user_id(service->id.str());
    identity->set_service_user_name(service->name);
    identity->mutable_created_by()->set_user_id(service->created_by.str());
    if (const auto creator = store::find_user(view, service->created_by))
      identity->mutable_created_by()->set_username(creator->name);
  } else if (const auto user = store::find_user(view, UserId(token->principal))) {
    reply.mutable_user_identity()->set_user_id(user->id.str());
    reply.mutable_user_identity()->set_username(user->name);
  }
  return reply;
}

Result<modal::client::TokensListResponse> Tokens::list(rpc::Call& call, const Empty&,
                                                       store::View& view) {
  const bool all = call.caller.role >= rpc::WorkspaceRole::kManager;
  modal::client::TokensListResponse reply;
  for (const store::Token& token :
       store::list_tokens(view, call.caller.workspace, all ? "" : call.caller.principal)) {
    auto* row = reply.add_tokens();
    row->set_token_id(token.id.str());
    row->set_name(token.name);
    row->set_workspace_id(token.workspace.str());
    row->set_created_at(to_unix_seconds(token.created_at));
    if (token.last_used_at) row->set_last_used_at(to_unix_seconds(*token.last_used_at));
    if (token.expires_at) row->set_expires_at(to_unix_seconds(*token.expires_at));
    row->set_disabled(token.disabled_at.has_value());
    const auto user = store::find_user(view, UserId(token.principal));
    const auto service =
        user ? std::nullopt : store::find_service_user(view, token.workspace, token.principal);
    row->set_user_id(token.principal);
    row->set_member_id(token.principal);
    row->set_member_displayname(user ? user->name : service ? service->name : "");
  }
  return reply;
}

Result<Tokens::Empty> Tokens::set_disabled(
    rpc::Call& call, const google::protobuf::RepeatedPtrField<std::string>& ids, bool disabled,
    store::Tx& tx) {
  for (const std::string& id : ids)
    TRY(TokenRules::set_disabled(tx, actor_of(call), TokenId(id), disabled));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

Result<Tokens::Empty> Tokens::disable(rpc::Call& call,
                                      const modal::client::TokenDisableRequest& request,
                                      store::Tx& tx) {
  return set_disabled(call, request.token_ids(), true, tx);
}

Result<Tokens::Empty> Tokens::enable(rpc::Call& call,
                                     const modal::client::TokenEnableRequest& request,
                                     store::Tx& tx) {
  return set_disabled(call, request.token_ids(), false, tx);
}

Result<Tokens::Empty> Tokens::remove(rpc::Call& call,
                                     const modal::client::TokenDeleteRequest& request,
                                     store::Tx& tx) {
  TRY(TokenRules::revoke(tx, actor_of(call), TokenId(request.token_id())));
  call.after_commit([this] { c_.forget_identities(); });
  return Empty();
}

Result<TokenExpireResponse> Tokens::expire(rpc::Call& call, const TokenExpireRequest& request,
                                           store::Tx& tx) {
  ASSIGN_OR_RETURN(const Time ends,
                   TokenRules::expire(tx, actor_of(call), TokenId(request.token_id()),
                                      1s * request.in_seconds()));
  call.after_commit([this] { c_.forget_identities(); });
  TokenExpireResponse reply;
  reply.set_expires_at_ms(to_unix_ms(ends));
  return reply;
}

Result<modal::client::AuthTokenGetResponse> Tokens::auth_token(
    rpc::Call& call, const modal::client::AuthTokenGetRequest&) {
  // For those who wonder whether their clock or ours is wrong.
  call.reply_headers.emplace_back("x-ionian-time", std::to_string(to_unix_ms(call.now) / 1000));
  modal::client::AuthTokenGetResponse reply;
  reply.set_token(c_.auth_tokens.issue(call.caller, c_.random, call.now));
  return reply;
}

}  // namespace ionian::services
