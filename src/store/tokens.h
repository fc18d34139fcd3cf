#pragma once
// Token pairs. The secret is stored nowhere; its keyed hash is.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Token {
  TokenId id;
  WorkspaceId workspace;
  std::string principal;  // UserId or ServiceUserId
  std::string name;
  std::string secret_hash;
  Time created_at;
  std::optional<Time> expires_at = {}, disabled_at = {}, revoked_at = {}, last_used_at = {};
  std::string role = {};  // "member", "viewer": no more than that; "" = all that its owner may
  bool scoped = false;    // only in `environments`
  std::vector<EnvironmentId> environments = {};
  std::string former_hash = {};           // of the secret before the last rotation,
  std::optional<Time> former_until = {};  // which holds until then
  std::string last_address = {};          // from which it was last used
  std::string revoked_by = {};            // a principal, or "owner"
};

std::optional<Token> find_token(View& view, const TokenId& id);
// Those that were not revoked, newest first. An empty principal means everybody's.
std::vector<Token> list_tokens(View& view, const WorkspaceId& workspace,
                               std::string_view principal);
// Those that were revoked or have expired, the last ended first.
std::vector<Token> list_ended_tokens(View& view, const WorkspaceId& workspace,
                                     std::string_view principal, Time now, std::size_t most);
void insert_token(Tx& tx, const Token& token);
// Revoking a revoked token keeps its first time.
void revoke_token(Tx& tx, const TokenId& id, Time now, std::string_view by);
// All of somebody's in this workspace; returns how many.
std::int64_t revoke_tokens_of(Tx& tx, const WorkspaceId& workspace, std::string_view principal,
                              Time now, std::string_view by);
// The new secret's hash; the former one holds until `former_until`, or ends at once (nullopt).
void rotate_token(Tx& tx, const TokenId& id, std::string_view secret_hash,
                  std::optional<Time> former_until);
void set_token_expiry(Tx& tx, const TokenId& id, Time ends);
void rename_token(Tx& tx, const TokenId& id, std::string_view name);
// nullopt enables it again.
void set_token_disabled(Tx& tx, const TokenId& id, std::optional<Time> since);
void note_token_used(Tx& tx, const TokenId& id, Time now, std::string_view address);

// Tokens of those who call web endpoints.
struct ProxyToken {
  ProxyTokenId id;
  WorkspaceId workspace;
  std::string name, secret_hash;
  bool scoped = false;
  std::string created_by;
  Time created_at;
  std::optional<Time> last_used_at = {};
};
void insert_proxy_token(Tx& tx, const ProxyToken& token);
std::optional<ProxyToken> find_proxy_token(View& view, const WorkspaceId& workspace,
                                           const ProxyTokenId& id);
// With an environment: those that hold there.
std::vector<ProxyToken> list_proxy_tokens(View& view, const WorkspaceId& workspace,
                                          const std::optional<EnvironmentId>& environment);
void rename_proxy_token(Tx& tx, const ProxyTokenId& id, std::string_view name);
void delete_proxy_token(Tx& tx, const ProxyTokenId& id);
void add_proxy_token_to(Tx& tx, const ProxyTokenId& id, const EnvironmentId& environment);
void remove_proxy_token_from(Tx& tx, const ProxyTokenId& id, const EnvironmentId& environment);
std::vector<EnvironmentId> environments_of_proxy_token(View& view, const ProxyTokenId& id);

// Keys that sign the tokens of AuthTokenGet, sealed; the newest first.
struct SigningKey {
  std::int64_t number = 0;
  std::string sealed;
};
std::vector<SigningKey> list_signing_keys(View& view);
void insert_signing_key(Tx& tx, std::string_view sealed, Time now);
// Those that had a successor by then.
void delete_spent_signing_keys(Tx& tx, Time then);

}  // namespace ionian::store
