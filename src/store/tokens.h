#pragma once
// Token pairs. The secret is stored nowhere; its keyed hash is.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Token {
  TokenId id;
  WorkspaceId workspace;
  std::string name;
  std::string secret_hash;
  Time created_at;
  std::optional<Time> expires_at, revoked_at, last_used_at;
};

std::optional<Token> find_token(View& view, const TokenId& id);
std::vector<Token> list_tokens(View& view, const WorkspaceId& workspace);
void insert_token(Tx& tx, const Token& token);
// False if there is no such token; revoking a revoked one keeps its first time.
bool revoke_token(Tx& tx, const WorkspaceId& workspace, const TokenId& id, Time now);
void note_token_used(Tx& tx, const TokenId& id, Time now);

}  // namespace ionian::store
