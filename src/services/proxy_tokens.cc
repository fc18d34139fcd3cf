#include "services/proxy_tokens.h"

#include "services/environments.h"

namespace ionian::services {
namespace {

Result<store::ProxyToken> token_of(store::View& view, const rpc::Call& call, const std::string& id) {
  auto found = store::find_proxy_token(view, call.caller.workspace, ProxyTokenId(id));
  if (!found) return fail(Code::kNotFound, "proxy token '", id, "' not found");
  return *std::move(found);
}

void fill(modal::client::WebhookToken& row, store::View& view, const store::ProxyToken& token) {
  row.set_token_id(token.id.str());
  row.set_name(token.name);
  row.set_scoped(token.scoped);
  row.set_created_at(to_unix_seconds(token.created_at));
  row.mutable_created_by()->set_user_id(token.created_by);
  if (const auto user = store::find_user(view, UserId(token.created_by))) row.mutable_created_by()->set_username(user->name);
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

Result<modal::client::TokenCreateResponse> ProxyTokens::create(rpc::Call& call, const modal::client::WebhookTokenCreateRequest& request,
                                                               store::Tx& tx) {
  store::ProxyToken token{.id = ProxyTokenId::make(c_.random, call.now), .workspace = call.caller.workspace, .name = request.name()};
  const std::string secret = "ws-" + random_base62(c_.random, 22);
  token.secret_hash = c_.key.hash(secret);
  token.scoped = request.scoped();
  token.created_by = call.caller.principal;
  token.created_at = call.now;
  store::insert_proxy_token(tx, token);
  c_.audit(tx, call, "proxy_token.create", token.id.str(), token.name);
  modal::client::TokenCreateResponse reply;
  reply.set_token_id(token.id.str());
  reply.set_token_secret(secret);
  return reply;
}

Result<modal::client::WebhookTokenListResponse> ProxyTokens::list(rpc::Call& call, const Empty&, store::View& view) {
  modal::client::WebhookTokenListResponse reply;
  for (const store::ProxyToken& token : store::list_proxy_tokens(view, call.caller.workspace, std::nullopt)) fill(*reply.add_tokens(), view, token);
  return reply;
}

Result<modal::client::WebhookTokenListResponse> ProxyTokens::list_for(rpc::Call& call, const modal::client::WebhookTokenListForEnvironmentRequest& request,
                                                                      store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c_, view, call, request.environment_name()));
  modal::client::WebhookTokenListResponse reply;
  for (const store::ProxyToken& token : store::list_proxy_tokens(view, call.caller.workspace, env.id)) fill(*reply.add_tokens(), view, token);
  return reply;
}

Result<modal::client::WebhookToken> ProxyTokens::update(rpc::Call& call, const modal::client::WebhookTokenUpdateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(store::ProxyToken token, token_of(tx, call, request.token_id()));
  if (request.has_name()) token.name = request.name();
  store::rename_proxy_token(tx, token.id, token.name);
  c_.audit(tx, call, "proxy_token.rename", token.id.str(), token.name);
  modal::client::WebhookToken reply;
  fill(reply, tx, token);
  return reply;
}

Result<ProxyTokens::Empty> ProxyTokens::remove(rpc::Call& call, const modal::client::TokenDeleteRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::ProxyToken token, token_of(tx, call, request.token_id()));
  store::delete_proxy_token(tx, token.id);
  c_.audit(tx, call, "proxy_token.delete", token.id.str(), token.name);
  return Empty();
}

Result<ProxyTokens::Empty> ProxyTokens::add(rpc::Call& call, const modal::client::WebhookTokenEnvironmentAddRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::ProxyToken token, token_of(tx, call, request.token_id()));
  const auto env = store::find_environment_by_id(tx, call.caller.workspace, EnvironmentId(request.environment_id()));
  if (!env) return fail(Code::kNotFound, "environment '", request.environment_id(), "' not found in this workspace");
  store::add_proxy_token_to(tx, token.id, env->id);
  c_.audit(tx, call, "proxy_token.add", token.id.str(), env->name);
  return Empty();
}

Result<ProxyTokens::Empty> ProxyTokens::take(rpc::Call& call, const modal::client::WebhookTokenEnvironmentRemoveRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::ProxyToken token, token_of(tx, call, request.token_id()));
  store::remove_proxy_token_from(tx, token.id, EnvironmentId(request.environment_id()));
  c_.audit(tx, call, "proxy_token.remove", token.id.str(), request.environment_id());
  return Empty();
}

Result<modal::client::WebhookTokenEnvironmentListResponse> ProxyTokens::environments(
    rpc::Call& call, const modal::client::WebhookTokenEnvironmentListRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::ProxyToken token, token_of(view, call, request.token_id()));
  modal::client::WebhookTokenEnvironmentListResponse reply;
  for (const EnvironmentId& id : store::environments_of_proxy_token(view, token.id)) reply.add_environment_ids(id.str());
  return reply;
}

}  // namespace ionian::services
