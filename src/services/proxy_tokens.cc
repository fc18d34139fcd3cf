#include "services/proxy_tokens.h"

#include "services/environments.h"
#include "services/proxy_token_rules.h"

namespace ionian::services {
namespace {

void fill(modal::client::WebhookToken& row, store::View& view, const store::ProxyToken& token) {
  row.set_token_id(token.id.str());
  row.set_name(token.name);
  row.set_scoped(token.scoped);
  row.set_created_at(to_unix_seconds(token.created_at));
  row.mutable_created_by()->set_user_id(token.created_by);
  if (const auto user = store::find_user(view, UserId(token.created_by)))
    row.mutable_created_by()->set_username(user->name);
}

}  // namespace

void ProxyTokens::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("WebhookTokenCreate", &ProxyTokens::create, rpc::Access::kManager);
  on("WebhookTokenList", &ProxyTokens::list, rpc::Access::kMember);
  on("WebhookTokenListForEnvironment", &ProxyTokens::list_for, rpc::Access::kView);
  on("WebhookTokenUpdate", &ProxyTokens::update, rpc::Access::kManager);
  on("WebhookTokenDelete", &ProxyTokens::remove, rpc::Access::kManager);
  on("WebhookTokenEnvironmentAdd", &ProxyTokens::add, rpc::Access::kManager);
  on("WebhookTokenEnvironmentRemove", &ProxyTokens::take, rpc::Access::kManager);
  on("WebhookTokenEnvironmentList", &ProxyTokens::environments, rpc::Access::kMember);
}

Result<modal::client::TokenCreateResponse> ProxyTokens::create(
    rpc::Call& call, const modal::client::WebhookTokenCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const MadeProxyToken made,
                   ProxyTokenRules::create(tx, actor_of(call), c_.random, c_.key,
                                           {.name = request.name(), .scoped = request.scoped()}));
  modal::client::TokenCreateResponse reply;
  reply.set_token_id(made.token.id.str());
  reply.set_token_secret(made.secret);
  return reply;
}

Result<modal::client::WebhookTokenListResponse> ProxyTokens::list(rpc::Call& call, const Empty&,
                                                                  store::View& view) {
  modal::client::WebhookTokenListResponse reply;
  for (const store::ProxyToken& token :
       store::list_proxy_tokens(view, call.caller.workspace, std::nullopt))
    fill(*reply.add_tokens(), view, token);
  return reply;
}

Result<modal::client::WebhookTokenListResponse> ProxyTokens::list_for(
    rpc::Call& call, const modal::client::WebhookTokenListForEnvironmentRequest& request,
    store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, view, call, request.environment_name()));
  modal::client::WebhookTokenListResponse reply;
  for (const store::ProxyToken& token :
       store::list_proxy_tokens(view, call.caller.workspace, env.id))
    fill(*reply.add_tokens(), view, token);
  return reply;
}

Result<modal::client::WebhookToken> ProxyTokens::update(
    rpc::Call& call, const modal::client::WebhookTokenUpdateRequest& request, store::Tx& tx) {
  const Actor actor = actor_of(call);
  Result<store::ProxyToken> token =
      request.has_name() ? ProxyTokenRules::rename(tx, actor, request.token_id(), request.name())
                         : ProxyTokenRules::find(tx, actor, request.token_id());
  if (!token) return std::unexpected(token.error());
  modal::client::WebhookToken reply;
  fill(reply, tx, *token);
  return reply;
}

Result<ProxyTokens::Empty> ProxyTokens::remove(rpc::Call& call,
                                               const modal::client::TokenDeleteRequest& request,
                                               store::Tx& tx) {
  TRY(ProxyTokenRules::remove(tx, actor_of(call), request.token_id()));
  return Empty();
}

Result<ProxyTokens::Empty> ProxyTokens::add(
    rpc::Call& call, const modal::client::WebhookTokenEnvironmentAddRequest& request,
    store::Tx& tx) {
  TRY(ProxyTokenRules::allow(tx, actor_of(call), request.token_id(),
                             EnvironmentId(request.environment_id())));
  return Empty();
}

Result<ProxyTokens::Empty> ProxyTokens::take(
    rpc::Call& call, const modal::client::WebhookTokenEnvironmentRemoveRequest& request,
    store::Tx& tx) {
  TRY(ProxyTokenRules::take(tx, actor_of(call), request.token_id(),
                            EnvironmentId(request.environment_id())));
  return Empty();
}

Result<modal::client::WebhookTokenEnvironmentListResponse> ProxyTokens::environments(
    rpc::Call& call, const modal::client::WebhookTokenEnvironmentListRequest& request,
    store::View& view) {
  ASSIGN_OR_RETURN(const store::ProxyToken token,
                   ProxyTokenRules::find(view, actor_of(call), request.token_id()));
  modal::client::WebhookTokenEnvironmentListResponse reply;
  for (const EnvironmentId& id : store::environments_of_proxy_token(view, token.id))
    reply.add_environment_ids(id.str());
  return reply;
}

}  // namespace ionian::services
