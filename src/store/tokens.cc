#include "store/tokens.h"

namespace ionian::store {
namespace {

std::optional<Time> optional_time(const Rows& r, int column) {
  if (r.null(column)) return std::nullopt;
  return r.time(column);
}

Token read_token(const Rows& r) {
  return {.id = TokenId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .principal = r.text(2),
          .name = r.text(3),
          .secret_hash = r.text(4),
          .created_at = r.time(5),
          .expires_at = optional_time(r, 6),
          .disabled_at = optional_time(r, 7),
          .revoked_at = optional_time(r, 8),
          .last_used_at = optional_time(r, 9)};
}

ProxyToken read_proxy_token(const Rows& r) {
  return {.id = ProxyTokenId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .name = r.text(2),
          .secret_hash = r.text(3),
          .scoped = r.number(4) != 0,
          .created_by = r.text(5),
          .created_at = r.time(6)};
}

}  // namespace

std::optional<Token> find_token(View& view, const TokenId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, principal, name, secret_hash, created_at, expires_at, disabled_at,"
      " revoked_at, last_used_at FROM tokens WHERE id = ?",
      id);
  if (!rows.next()) return std::nullopt;
  return read_token(rows);
}

std::vector<Token> list_tokens(View& view, const WorkspaceId& workspace,
                               std::string_view principal) {
  std::vector<Token> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, principal, name, secret_hash, created_at, expires_at, disabled_at,"
      " revoked_at, last_used_at FROM tokens WHERE workspace = ?1 AND revoked_at IS NULL"
      " AND (?2 = '' OR principal = ?2) ORDER BY created_at DESC",
      workspace, principal);
  while (rows.next()) all.push_back(read_token(rows));
  return all;
}

void insert_token(Tx& tx, const Token& t) {
  tx.db().run(
      "INSERT INTO tokens (id, workspace, principal, name, secret_hash, created_at, expires_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)",
      t.id, t.workspace, t.principal, t.name, Blob{t.secret_hash}, t.created_at, t.expires_at);
}

void revoke_token(Tx& tx, const TokenId& id, Time now) {
  tx.db().run("UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", now, id);
}

void set_token_disabled(Tx& tx, const TokenId& id, std::optional<Time> since) {
  tx.db().run("UPDATE tokens SET disabled_at = ? WHERE id = ?", since, id);
}

void note_token_used(Tx& tx, const TokenId& id, Time now) {
  tx.db().run("UPDATE tokens SET last_used_at = ? WHERE id = ?", now, id);
}

void insert_proxy_token(Tx& tx, const ProxyToken& t) {
  tx.db().run(
      "INSERT INTO proxy_tokens (id, workspace, name, secret_hash, scoped, created_by, created_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)",
      t.id, t.workspace, t.name, Blob{t.secret_hash}, t.scoped, t.created_by, t.created_at);
}

std::optional<ProxyToken> find_proxy_token(View& view, const WorkspaceId& workspace,
                                           const ProxyTokenId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, name, secret_hash, scoped, created_by, created_at FROM proxy_tokens"
      " WHERE workspace = ? AND id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return read_proxy_token(rows);
}

std::vector<ProxyToken> list_proxy_tokens(View& view, const WorkspaceId& workspace,
                                          const std::optional<EnvironmentId>& environment) {
  std::vector<ProxyToken> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, secret_hash, scoped, created_by, created_at FROM proxy_tokens"
      " WHERE workspace = ?1 AND (?2 IS NULL OR id IN"
      " (SELECT token FROM proxy_token_environments WHERE environment = ?2))"
      " ORDER BY created_at DESC",
      workspace, environment);
  while (rows.next()) all.push_back(read_proxy_token(rows));
  return all;
}

void rename_proxy_token(Tx& tx, const ProxyTokenId& id, std::string_view name) {
  tx.db().run("UPDATE proxy_tokens SET name = ? WHERE id = ?", name, id);
}

void delete_proxy_token(Tx& tx, const ProxyTokenId& id) {
  tx.db().run("DELETE FROM proxy_tokens WHERE id = ?", id);
}

void add_proxy_token_to(Tx& tx, const ProxyTokenId& id, const EnvironmentId& environment) {
  tx.db().run("INSERT OR IGNORE INTO proxy_token_environments (token, environment) VALUES (?, ?)",
              id, environment);
}

void remove_proxy_token_from(Tx& tx, const ProxyTokenId& id, const EnvironmentId& environment) {
  tx.db().run("DELETE FROM proxy_token_environments WHERE token = ? AND environment = ?", id,
              environment);
}

std::vector<EnvironmentId> environments_of_proxy_token(View& view, const ProxyTokenId& id) {
  std::vector<EnvironmentId> all;
  Rows rows =
      view.db().query("SELECT environment FROM proxy_token_environments WHERE token = ?", id);
  while (rows.next()) all.emplace_back(rows.text(0));
  return all;
}

}  // namespace ionian::store
