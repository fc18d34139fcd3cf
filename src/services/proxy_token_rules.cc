#include "services/proxy_token_rules.h"

#include <algorithm>

namespace ionian::services {
namespace {

constexpr std::size_t kNameMax = 64;

Result<void> check_name(std::string_view name) {
  const bool odd =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!odd && name.size() <= kNameMax) return {};
  return fail(Code::kInvalidArgument, "a proxy token's name has up to ", kNameMax,
              " characters in one line");
}

Result<void> may_change(const Actor& actor) {
  return needs_manager(actor, "changing proxy tokens");
}

}  // namespace

Result<store::ProxyToken> ProxyTokenRules::find(store::View& view, const Actor& actor,
                                                const std::string& id) {
  auto found = store::find_proxy_token(view, actor.workspace, ProxyTokenId(id));
  if (!found) return fail(Code::kNotFound, "proxy token '", id, "' not found");
  return *std::move(found);
}

Result<MadeProxyToken> ProxyTokenRules::create(store::Tx& tx, const Actor& actor, Random& random,
                                               const KeyFile& key, const NewProxyToken& wanted) {
  TRY(may_change(actor));
  TRY(check_name(wanted.name));
  MadeProxyToken made{.token = {.id = ProxyTokenId::make(random, actor.now),
                                .workspace = actor.workspace,
                                .name = wanted.name,
                                .scoped = wanted.scoped,
                                .created_by = actor.principal,
                                .created_at = actor.now},
                      .secret = "ws-" + random_base62(random, 22)};
  made.token.secret_hash = key.hash(made.secret);
  store::insert_proxy_token(tx, made.token);
  audit(tx, actor, "proxy_token.create", made.token.id.str(), made.token.name);
  for (const EnvironmentId& id : wanted.environments)
    TRY(allow(tx, actor, made.token.id.str(), id));
  return made;
}

Result<store::ProxyToken> ProxyTokenRules::rename(store::Tx& tx, const Actor& actor,
                                                  const std::string& id, const std::string& name) {
  TRY(may_change(actor));
  ASSIGN_OR_RETURN(store::ProxyToken token, find(tx, actor, id));
  TRY(check_name(name));
  token.name = name;
  store::rename_proxy_token(tx, token.id, token.name);
  audit(tx, actor, "proxy_token.rename", token.id.str(), token.name);
  return token;
}

Result<store::ProxyToken> ProxyTokenRules::remove(store::Tx& tx, const Actor& actor,
                                                  const std::string& id) {
  TRY(may_change(actor));
  ASSIGN_OR_RETURN(store::ProxyToken token, find(tx, actor, id));
  store::delete_proxy_token(tx, token.id);
  audit(tx, actor, "proxy_token.delete", token.id.str(), token.name);
  return token;
}

Result<void> ProxyTokenRules::allow(store::Tx& tx, const Actor& actor, const std::string& id,
                                    const EnvironmentId& environment) {
  TRY(may_change(actor));
  ASSIGN_OR_RETURN(const store::ProxyToken token, find(tx, actor, id));
  const auto env = store::find_environment_by_id(tx, actor.workspace, environment);
  if (!env)
    return fail(Code::kNotFound, "environment '", environment, "' not found in this workspace");
  store::add_proxy_token_to(tx, token.id, env->id);
  audit(tx, actor, "proxy_token.add", token.id.str(), env->name);
  return {};
}

Result<void> ProxyTokenRules::take(store::Tx& tx, const Actor& actor, const std::string& id,
                                   const EnvironmentId& environment) {
  TRY(may_change(actor));
  ASSIGN_OR_RETURN(const store::ProxyToken token, find(tx, actor, id));
  store::remove_proxy_token_from(tx, token.id, environment);
  audit(tx, actor, "proxy_token.remove", token.id.str(), environment.str());
  return {};
}

}  // namespace ionian::services
