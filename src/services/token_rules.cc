#include "services/token_rules.h"

#include <algorithm>

#include "base/utf8.h"
#include "services/roles.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

constexpr std::size_t kNameMax = 64;

std::vector<store::Token> live_tokens(store::View& view, const WorkspaceId& workspace,
                                      const std::string& principal, Time now) {
  std::vector<store::Token> tokens = store::list_tokens(view, workspace, principal);
  std::erase_if(tokens,
                [&](const store::Token& t) { return t.expires_at && *t.expires_at <= now; });
  return tokens;
}

bool name_in_use(const std::vector<store::Token>& tokens, std::string_view name) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const store::Token& t) { return t.name == name; });
}

Result<void> check_name(std::string_view name) {
  const bool control = std::any_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!name.empty() && name.size() <= kNameMax && !control) return {};
  return fail(Code::kInvalidArgument, "a token's name has 1 to ", kNameMax,
              " characters in one line; say what uses it and where");
}

}  // namespace

std::string TokenRules::free_name(store::View& view, const WorkspaceId& workspace,
                                  const std::string& principal, std::string wanted) {
  if (wanted.empty()) wanted = "token";
  wanted.resize(std::min(wanted.size(), kNameMax - 4));
  const auto tokens = store::list_tokens(view, workspace, principal);
  std::string name = wanted;
  for (int n = 2; name_in_use(tokens, name); ++n) name = cat(wanted, ' ', n);
  return name;
}

Result<store::Token> TokenRules::managed(store::View& view, const Actor& actor, const TokenId& id) {
  const auto token = store::find_token(view, id);
  const bool mine = token && (token->principal == actor.principal ||
                              at_least(actor, rpc::WorkspaceRole::kManager));
  if (!token || token->workspace != actor.workspace || token->revoked_at || !mine)
    return fail(Code::kNotFound, "token '", id, "' not found");
  if (actor.limited && token->id != actor.token)
    return fail(Code::kPermissionDenied,
                "this token is limited: it may revoke itself, and no other token");
  return *token;
}

Result<TokenPair> TokenRules::create(store::Tx& tx, const Actor& actor,
                                     const NewToken& wanted) const {
  TRY(check_name(wanted.name));
  if (!wanted.role.empty() && wanted.role != "member" && wanted.role != "viewer")
    return fail(Code::kInvalidArgument,
                "a token's role is member, viewer, or nothing for all that its owner may; not '",
                wanted.role, "'");
  if (wanted.scoped && wanted.environments.empty())
    return fail(Code::kInvalidArgument, "choose at least one environment, or all");
  if (wanted.expires_at && *wanted.expires_at <= actor.now)
    return fail(Code::kInvalidArgument, "the token would have expired already");
  for (const EnvironmentId& id : wanted.environments)
    if (!store::find_environment_by_id(tx, actor.workspace, id))
      return fail(Code::kNotFound, "environment '", id, "' not found");
  if (name_in_use(live_tokens(tx, actor.workspace, wanted.principal, actor.now), wanted.name))
    return fail(Code::kAlreadyExists, "You already have a token named ", wanted.name,
                ". Rotate that one, or choose another name.");
  auto [pair, token] =
      identity_.make_token(random_, actor.workspace, wanted.principal, wanted.name);
  token.role = wanted.role;
  token.scoped = wanted.scoped;
  token.environments = wanted.environments;
  token.expires_at = wanted.expires_at;
  store::insert_token(tx, token);
  audit(tx, actor, "token.create", token.id.str(),
        wanted.reason.empty() ? wanted.name : wanted.reason);
  return pair;
}

Result<TokenPair> TokenRules::rotate(store::Tx& tx, const Actor& actor, const TokenId& id,
                                     Duration overlap) const {
  ASSIGN_OR_RETURN(const store::Token token, managed(tx, actor, id));
  if (overlap < Duration::zero() || overlap > kOverlapMax)
    return fail(Code::kInvalidArgument, "the former secret may hold for up to 7 days more");
  TokenPair pair{token.id, Identity::make_secret(random_)};
  const std::optional<Time> until =
      overlap > Duration::zero() ? std::optional(actor.now + overlap) : std::nullopt;
  store::rotate_token(tx, id, key_.hash(pair.secret), until);
  audit(
      tx, actor, "token.rotate", id.str(),
      until ? cat("the former secret holds until ", utc_text(*until)) : "the former secret ended");
  return pair;
}

Result<store::Token> TokenRules::revoke(store::Tx& tx, const Actor& actor, const TokenId& id) {
  ASSIGN_OR_RETURN(store::Token token, managed(tx, actor, id));
  store::revoke_token(tx, id, actor.now, actor.principal);
  audit(tx, actor, "token.revoke", id.str(), token.name);
  return token;
}

Result<Time> TokenRules::expire(store::Tx& tx, const Actor& actor, const TokenId& id,
                                Duration left) {
  ASSIGN_OR_RETURN(const store::Token token, managed(tx, actor, id));
  if (left <= Duration::zero() || left > kOverlapMax)
    return fail(Code::kInvalidArgument, "a token that is replaced may go on for up to 7 days");
  const Time ends = std::min(actor.now + left, token.expires_at.value_or(Time::max()));
  store::set_token_expiry(tx, id, ends);
  audit(tx, actor, "token.expire", id.str(), cat(token.name, " ends at ", utc_text(ends)));
  return ends;
}

Result<void> TokenRules::set_disabled(store::Tx& tx, const Actor& actor, const TokenId& id,
                                      bool disabled) {
  ASSIGN_OR_RETURN(const store::Token token, managed(tx, actor, id));
  store::set_token_disabled(
      tx, id, disabled ? std::optional(token.disabled_at.value_or(actor.now)) : std::nullopt);
  audit(tx, actor, disabled ? "token.disable" : "token.enable", id.str(), token.name);
  return {};
}

Result<void> TokenRules::rename(store::Tx& tx, const Actor& actor, const TokenId& id,
                                const std::string& name) {
  ASSIGN_OR_RETURN(const store::Token token, managed(tx, actor, id));
  TRY(check_name(name));
  if (name != token.name &&
      name_in_use(live_tokens(tx, actor.workspace, token.principal, actor.now), name))
    return fail(Code::kAlreadyExists, "You already have a token named ", name,
                ". Choose another name.");
  store::rename_token(tx, id, name);
  audit(tx, actor, "token.rename", id.str(), cat(token.name, " -> ", name));
  return {};
}

}  // namespace ionian::services
