#include "store/tokens.h"

namespace ionian::store {
namespace {

std::optional<Time> optional_time(const Rows& r, int column) {
  if (r.null(column)) return std::nullopt;
  return r.time(column);
}

Token read_token(const Rows& r) {
  return {.id = TokenId(r.text(0)), .workspace = WorkspaceId(r.text(1)), .name = r.text(2), .secret_hash = r.text(3),
          .created_at = r.time(4), .expires_at = optional_time(r, 5), .revoked_at = optional_time(r, 6),
          .last_used_at = optional_time(r, 7)};
}

}  // namespace

std::optional<Token> find_token(View& view, const TokenId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, name, secret_hash, created_at, expires_at, revoked_at, last_used_at FROM tokens WHERE id = ?", id);
  if (!rows.next()) return std::nullopt;
  return read_token(rows);
}

std::vector<Token> list_tokens(View& view, const WorkspaceId& workspace) {
  std::vector<Token> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, secret_hash, created_at, expires_at, revoked_at, last_used_at FROM tokens"
      " WHERE workspace = ? ORDER BY created_at", workspace);
  while (rows.next()) all.push_back(read_token(rows));
  return all;
}

void insert_token(Tx& tx, const Token& t) {
  tx.db().run("INSERT INTO tokens (id, workspace, name, secret_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
              t.id, t.workspace, t.name, Blob{t.secret_hash}, t.created_at, t.expires_at);
}

bool revoke_token(Tx& tx, const WorkspaceId& workspace, const TokenId& id, Time now) {
  return tx.db().run("UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE workspace = ? AND id = ?",
                     now, workspace, id) > 0;
}

void note_token_used(Tx& tx, const TokenId& id, Time now) {
  tx.db().run("UPDATE tokens SET last_used_at = ? WHERE id = ?", now, id);
}

}  // namespace ionian::store
