#include "store/tokens.h"

// SQL is a literal throughout, so what all look-ups of tokens have in common is one too.
#define SELECT_TOKENS                                                                            \
  "SELECT id, workspace, principal, name, secret_hash, created_at, expires_at, disabled_at,"     \
  " revoked_at, last_used_at, role, scoped, former_hash, former_until, last_address, revoked_by" \
  " FROM tokens "

namespace ionian::store {
namespace {

std::optional<Time> optional_time(const Rows& r, int column) {
  if (r.null(column)) return std::nullopt;
  return r.time(column);
}

Token read_token(View& view, const Rows& r) {
  Token token{.id = TokenId(r.text(0)),
              .workspace = WorkspaceId(r.text(1)),
              .principal = r.text(2),
              .name = r.text(3),
              .secret_hash = r.text(4),
              .created_at = r.time(5),
              .expires_at = optional_time(r, 6),
              .disabled_at = optional_time(r, 7),
              .revoked_at = optional_time(r, 8),
              .last_used_at = optional_time(r, 9),
              .role = r.text(10),
              .scoped = r.number(11) != 0,
              .former_hash = r.text(12),
              .former_until = optional_time(r, 13),
              .last_address = r.text(14),
              .revoked_by = r.text(15)};
  if (!token.scoped) return token;
  Rows rows =
      view.db().query("SELECT environment FROM token_environments WHERE token = ?", token.id);
  while (rows.next()) token.environments.emplace_back(rows.text(0));
  return token;
}

std::vector<Token> read_tokens(View& view, Rows rows) {
  std::vector<Token> all;
  while (rows.next()) all.push_back(read_token(view, rows));
  return all;
}

ProxyToken read_proxy_token(const Rows& r) {
  return {.id = ProxyTokenId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .name = r.text(2),
          .secret_hash = r.text(3),
          .scoped = r.number(4) != 0,
          .created_by = r.text(5),
          .created_at = r.time(6),
          .last_used_at = optional_time(r, 7)};
}

}  // namespace

std::optional<Token> find_token(View& view, const TokenId& id) {
  Rows rows = view.db().query(SELECT_TOKENS "WHERE id = ?", id);
  if (!rows.next()) return std::nullopt;
  return read_token(view, rows);
}

std::vector<Token> list_tokens(View& view, const WorkspaceId& workspace,
                               std::string_view principal) {
  return read_tokens(
      view,
      view.db().query(SELECT_TOKENS "WHERE workspace = ?1 AND revoked_at IS NULL"
                                    " AND (?2 = '' OR principal = ?2) ORDER BY created_at DESC",
                      workspace, principal));
}

std::vector<Token> list_ended_tokens(View& view, const WorkspaceId& workspace,
                                     std::string_view principal, Time now, std::size_t most) {
  return read_tokens(
      view,
      view.db().query(SELECT_TOKENS "WHERE workspace = ?1 AND (?2 = '' OR principal = ?2)"
                                    " AND (revoked_at IS NOT NULL OR expires_at <= ?3)"
                                    " ORDER BY coalesce(revoked_at, expires_at) DESC LIMIT ?4",
                      workspace, principal, now, most));
}

void insert_token(Tx& tx, const Token& t) {
  tx.db().run(
      "INSERT INTO tokens (id, workspace, principal, name, secret_hash, created_at, expires_at,"
      " role, scoped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      t.id, t.workspace, t.principal, t.name, Blob{t.secret_hash}, t.created_at, t.expires_at,
      t.role, t.scoped);
  for (const EnvironmentId& environment : t.environments)
    tx.db().run("INSERT OR IGNORE INTO token_environments (token, environment) VALUES (?, ?)", t.id,
                environment);
}

void revoke_token(Tx& tx, const TokenId& id, Time now, std::string_view by) {
  tx.db().run(
      "UPDATE tokens SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL", now,
      by, id);
}

std::int64_t revoke_tokens_of(Tx& tx, const WorkspaceId& workspace, std::string_view principal,
                              Time now, std::string_view by) {
  const std::size_t live = list_tokens(tx, workspace, principal).size();
  tx.db().run(
      "UPDATE tokens SET revoked_at = ?, revoked_by = ?"
      " WHERE workspace = ? AND principal = ? AND revoked_at IS NULL",
      now, by, workspace, principal);
  return static_cast<std::int64_t>(live);
}

void rotate_token(Tx& tx, const TokenId& id, std::string_view secret_hash,
                  std::optional<Time> former_until) {
  tx.db().run(
      "UPDATE tokens SET former_hash = CASE WHEN ?2 IS NULL THEN NULL ELSE secret_hash END,"
      " former_until = ?2, secret_hash = ?3 WHERE id = ?1",
      id, former_until, Blob{secret_hash});
}

void set_token_expiry(Tx& tx, const TokenId& id, Time ends) {
  tx.db().run("UPDATE tokens SET expires_at = ? WHERE id = ?", ends, id);
}

void rename_token(Tx& tx, const TokenId& id, std::string_view name) {
  tx.db().run("UPDATE tokens SET name = ? WHERE id = ?", name, id);
}

void set_token_disabled(Tx& tx, const TokenId& id, std::optional<Time> since) {
  tx.db().run("UPDATE tokens SET disabled_at = ? WHERE id = ?", since, id);
}

void note_token_used(Tx& tx, const TokenId& id, Time now, std::string_view address) {
  tx.db().run("UPDATE tokens SET last_used_at = ?, last_address = ? WHERE id = ?", now, address,
              id);
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
      "SELECT id, workspace, name, secret_hash, scoped, created_by, created_at,"
      " last_used_at FROM proxy_tokens"
      " WHERE workspace = ? AND id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return read_proxy_token(rows);
}

std::vector<ProxyToken> list_proxy_tokens(View& view, const WorkspaceId& workspace,
                                          const std::optional<EnvironmentId>& environment) {
  std::vector<ProxyToken> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, secret_hash, scoped, created_by, created_at,"
      " last_used_at FROM proxy_tokens"
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

std::vector<SigningKey> list_signing_keys(View& view) {
  std::vector<SigningKey> all;
  Rows rows = view.db().query("SELECT number, sealed FROM signing_keys ORDER BY number DESC");
  while (rows.next()) all.push_back({rows.number(0), rows.text(1)});
  return all;
}

void insert_signing_key(Tx& tx, std::string_view sealed, Time now) {
  tx.db().run("INSERT INTO signing_keys (sealed, created_at) VALUES (?, ?)", Blob{sealed}, now);
}

void delete_spent_signing_keys(Tx& tx, Time then) {
  tx.db().run(
      "DELETE FROM signing_keys WHERE EXISTS (SELECT 1 FROM signing_keys later"
      " WHERE later.number > signing_keys.number AND later.created_at <= ?)",
      then);
}

}  // namespace ionian::store
