#pragma once
// Changes of tokens, as calls, pages and the machine's owner make them: what is allowed, what is
// written, what the audit log keeps. After the commit the caller drops what is remembered
// (Context::forget_identities).
#include "services/actor.h"
#include "services/identity.h"

namespace ionian::services {

struct NewToken {
  std::string principal;  // whom it acts as
  std::string name;       // 1 to 64 characters, not in use among the principal's
  std::string role = {};  // "member", "viewer"; "" = all that the principal may
  bool scoped = false;    // only in `environments`, of which there is at least one then
  std::vector<EnvironmentId> environments = {};
  std::optional<Time> expires_at = {};
  std::string reason = {};  // for the audit log
};

// How long the former secret may go on after a rotation.
inline constexpr Duration kOverlapMax = 24h * 7;

class TokenRules {
 public:
  TokenRules(const Identity& identity, Random& random, const KeyFile& key)
      : identity_(identity), random_(random), key_(key) {}

  // errors   INVALID_ARGUMENT name, role, expiry · ALREADY_EXISTS name · NOT_FOUND environment
  Result<TokenPair> create(store::Tx& tx, const Actor& actor, const NewToken& wanted) const;
  // A new secret under the same id; the former one holds for `overlap` more.
  // errors   NOT_FOUND · INVALID_ARGUMENT overlap
  Result<TokenPair> rotate(store::Tx& tx, const Actor& actor, const TokenId& id,
                           Duration overlap) const;
  // Returns what was revoked.   errors  NOT_FOUND
  static Result<store::Token> revoke(store::Tx& tx, const Actor& actor, const TokenId& id);
  // It ends after `left`, if not before; returns when.   errors  NOT_FOUND · INVALID_ARGUMENT
  static Result<Time> expire(store::Tx& tx, const Actor& actor, const TokenId& id, Duration left);
  static Result<void> set_disabled(store::Tx& tx, const Actor& actor, const TokenId& id,
                                   bool disabled);
  static Result<void> rename(store::Tx& tx, const Actor& actor, const TokenId& id,
                             const std::string& name);

  // A token that the actor may manage: its own, or as a manager any of its workspace; not yet
  // revoked. A limited token manages none but itself.   errors  NOT_FOUND · PERMISSION_DENIED
  static Result<store::Token> managed(store::View& view, const Actor& actor, const TokenId& id);
  // `wanted`, or "wanted 2" and so on where the principal has such a token already.
  static std::string free_name(store::View& view, const WorkspaceId& workspace,
                               const std::string& principal, std::string wanted);

 private:
  const Identity& identity_;
  Random& random_;
  const KeyFile& key_;
};

}  // namespace ionian::services
