#include "store/secrets.h"

#include "store/tokens.h"

namespace ionian::store {

namespace {

Secret secret_of(const Rows& rows) {
  return {.id = SecretId(rows.text(0)),
          .workspace = WorkspaceId(rows.text(1)),
          .environment = EnvironmentId(rows.text(2)),
          .name = rows.text(3),
          .app = AppId(rows.text(4)),
          .sealed = rows.text(5),
          .created_by = rows.text(6),
          .created_at = rows.time(7),
          .last_used_at = rows.null(8) ? std::nullopt : std::optional(rows.time(8))};
}

std::vector<Secret> secrets_of(Rows rows) {
  std::vector<Secret> found;
  while (rows.next()) found.push_back(secret_of(rows));
  return found;
}

struct Sealed {
  std::int64_t row = 0;
  std::string text;
  Resealed::Damaged as;  // if it is
};

std::vector<Sealed> sealed_of(Rows rows) {
  std::vector<Sealed> found;
  while (rows.next())
    found.push_back(
        {.row = rows.number(0),
         .text = rows.text(1),
         .as = {.id = rows.text(2), .name = rows.text(3), .environment = rows.text(4)}});
  return found;
}

// They are read before the first is saved.
void reseal_rows(Rows rows, const Reseal& reseal, Resealed& into,
                 const std::function<void(Blob, std::int64_t)>& save) {
  for (Sealed& one : sealed_of(std::move(rows))) {
    const Result<std::string> fresh = reseal(one.text);
    if (!fresh) {
      into.damaged.push_back(std::move(one.as));
      continue;
    }
    save(Blob{*fresh}, one.row);
    ++into.secrets;
  }
}

}  // namespace

void insert_secret(Tx& tx, const Secret& s, Time now) {
  Time created_at = now;
  if (!s.name.empty()) {
    Rows newest = tx.db().query(
        "SELECT max(created_at) FROM secrets WHERE environment = ? AND name != ''", s.environment);
    if (newest.next() && !newest.null(0)) created_at = std::max(now, newest.time(0) + 1ms);
  }
  tx.db().run(
      "INSERT INTO secrets (id, workspace, environment, name, app, sealed, created_by, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      s.id, s.workspace, s.environment, s.name, s.app, Blob{s.sealed}, s.created_by, created_at);
}

std::optional<Secret> find_secret(View& view, const WorkspaceId& workspace, const SecretId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, environment, name, app, sealed, created_by, created_at, last_used_at "
      "FROM secrets WHERE workspace = ? AND id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return secret_of(rows);
}

std::optional<Secret> find_named_secret(View& view, const EnvironmentId& environment,
                                        std::string_view name) {
  Rows rows = view.db().query(
      "SELECT id, workspace, environment, name, app, sealed, created_by, created_at, last_used_at "
      "FROM secrets WHERE environment = ? AND name = ? AND name != ''",
      environment, name);
  if (!rows.next()) return std::nullopt;
  return secret_of(rows);
}

std::vector<Secret> list_secrets(View& view, const EnvironmentId& environment, Time before,
                                 std::int64_t max) {
  return secrets_of(view.db().query(
      "SELECT id, workspace, environment, name, app, sealed, created_by, created_at, last_used_at "
      "FROM secrets WHERE environment = ? AND name != '' AND created_at < ? ORDER BY created_at "
      "DESC LIMIT ?",
      environment, before, max));
}

std::vector<Secret> all_secrets_of(View& view, const EnvironmentId& environment) {
  return secrets_of(view.db().query(
      "SELECT id, workspace, environment, name, app, sealed, created_by, created_at, last_used_at "
      "FROM secrets WHERE environment = ?",
      environment));
}

void update_secret(Tx& tx, const SecretId& id, std::string_view sealed) {
  tx.db().run("UPDATE secrets SET sealed = ? WHERE id = ?", Blob{sealed}, id);
}

void note_secret_use(Tx& tx, const SecretId& id, Time now) {
  tx.db().run("UPDATE secrets SET last_used_at = ? WHERE id = ?", now, id);
}

void remove_secret(Tx& tx, const SecretId& id) {
  tx.db().run("DELETE FROM secrets WHERE id = ?", id);
}

std::vector<SecretId> list_unused_secrets(View& view, const UnusedSince& since) {
  std::vector<SecretId> found;
  Rows rows = view.db().query(
      "SELECT s.id FROM secrets s LEFT JOIN apps a ON a.id = s.app WHERE s.name = '' AND "
      "(coalesce(s.last_used_at, s.created_at) < ? OR a.stopped_at < ?)",
      since.used, since.stopped);
  while (rows.next()) found.emplace_back(rows.text(0));
  return found;
}

void remove_unused_secret(Tx& tx, const SecretId& id, const UnusedSince& since) {
  tx.db().run(
      "DELETE FROM secrets WHERE id = ? AND name = '' AND (coalesce(last_used_at, created_at) < ? "
      "OR (SELECT stopped_at FROM apps WHERE apps.id = secrets.app) < ?)",
      id, since.used, since.stopped);
}

Result<Resealed> reseal_all(Tx& tx, const Reseal& reseal) {
  Resealed done;
  reseal_rows(tx.db().query("SELECT s.rowid, s.sealed, s.id, s.name, coalesce(e.name, '') FROM "
                            "secrets s LEFT JOIN environments e ON e.id = s.environment"),
              reseal, done, [&](Blob sealed, std::int64_t row) {
                tx.db().run("UPDATE secrets SET sealed = ? WHERE rowid = ?", sealed, row);
              });
  reseal_rows(
      tx.db().query("SELECT rowid, sealed, id, name, place FROM deleted WHERE sealed != x''"),
      reseal, done, [&](Blob sealed, std::int64_t row) {
        tx.db().run("UPDATE deleted SET sealed = ? WHERE rowid = ?", sealed, row);
      });
  for (const SigningKey& key : list_signing_keys(tx)) {
    ASSIGN_OR_RETURN(const std::string fresh, reseal(key.sealed));
    tx.db().run("UPDATE signing_keys SET sealed = ? WHERE number = ?", Blob{fresh}, key.number);
  }
  return done;
}

}  // namespace ionian::store
