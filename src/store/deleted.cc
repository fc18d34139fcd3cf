#include "store/deleted.h"

#include "store/dicts.h"
#include "store/queues.h"
#include "store/rows.h"

namespace ionian::store {
namespace {

constexpr std::string_view kSecret = "secret";
// What a deleted object's own record says that it is, so that nothing looks for it.
constexpr std::string_view kAside = "deleted";

Deleted deleted_of(const Rows& rows) {
  return {.number = rows.number(10),
          .object = {.id = rows.text(0),
                     .kind = rows.text(1),
                     .workspace = WorkspaceId(rows.text(2)),
                     .environment = EnvironmentId(rows.text(3)),
                     .name = rows.text(5),
                     .created_by = rows.text(6),
                     .created_at = rows.time(7)},
          .environment_name = rows.text(4),
          .deleted_at = rows.time(8),
          .sealed = rows.text(9)};
}

void insert_deleted(Tx& tx, const DataObject& o, std::string_view sealed, Time now) {
  tx.db().run(
      "INSERT INTO deleted (id, kind, workspace, environment, place, name, created_by, created_at, "
      "deleted_at, sealed) VALUES (?, ?, ?, ?, coalesce((SELECT name FROM environments WHERE id = "
      "?), ''), ?, ?, ?, ?, ?)",
      o.id, o.kind, o.workspace, o.environment, o.environment, o.name, o.created_by, o.created_at,
      now, Blob{sealed});
}

}  // namespace

void delete_object(Tx& tx, const DataObject& object, const KeepDeleted& keep, Time now) {
  if (object.name.empty() || keep.life == 0ns) return remove_object(tx, object.id);
  insert_deleted(tx, object, "", now);
  // Entries and items refer to the record, so it stays.
  tx.db().run("UPDATE objects SET kind = ?, name = '' WHERE id = ?", kAside, object.id);
}

void delete_secret(Tx& tx, const Secret& s, const KeepDeleted& keep, Time now) {
  const bool kept = !s.name.empty() && keep.secrets && keep.life > 0ns;
  if (kept)
    insert_deleted(tx,
                   {.id = s.id.str(),
                    .kind = std::string(kSecret),
                    .workspace = s.workspace,
                    .environment = s.environment,
                    .name = s.name,
                    .created_by = s.created_by,
                    .created_at = s.created_at},
                   s.sealed, now);
  remove_secret(tx, s.id);
}

void delete_all_of(Tx& tx, const EnvironmentId& environment, const KeepDeleted& keep, Time now) {
  for (const DataObject& object : all_objects_of(tx, environment))
    if (object.kind != kAside) delete_object(tx, object, keep, now);
  // Their records are of some environment; `deleted` has the one in which they were.
  tx.db().run(
      "UPDATE objects SET environment = (SELECT other.id FROM environments e JOIN environments "
      "other ON other.workspace = e.workspace AND other.id != e.id WHERE e.id = ? LIMIT 1) WHERE "
      "environment = ? AND kind = ?",
      environment, environment, kAside);
  for (const Secret& secret : all_secrets_of(tx, environment)) delete_secret(tx, secret, keep, now);
}

std::optional<Deleted> find_deleted(View& view, std::string_view id) {
  Rows rows = view.db().query(
      "SELECT id, kind, workspace, environment, place, name, created_by, created_at, deleted_at, "
      "sealed, rowid FROM deleted WHERE id = ?",
      id);
  if (!rows.next()) return std::nullopt;
  return deleted_of(rows);
}

std::vector<Deleted> list_deleted(View& view, std::int64_t below, std::int64_t max) {
  Rows rows = view.db().query(
      "SELECT id, kind, workspace, environment, place, name, created_by, created_at, deleted_at, "
      "x'', rowid FROM deleted WHERE ?1 = 0 OR rowid < ?1 ORDER BY rowid DESC LIMIT ?2",
      below, max);
  std::vector<Deleted> found;
  while (rows.next()) found.push_back(deleted_of(rows));
  return found;
}

void put_back(Tx& tx, const Deleted& d, Time now) {
  tx.db().run("DELETE FROM deleted WHERE id = ?", d.object.id);
  if (d.object.kind == kSecret)
    return insert_secret(tx,
                         {.id = SecretId(d.object.id),
                          .workspace = d.object.workspace,
                          .environment = d.object.environment,
                          .name = d.object.name,
                          .app = {},
                          .sealed = d.sealed,
                          .created_by = d.object.created_by,
                          .created_at = d.object.created_at,
                          .last_used_at = {}},
                         d.object.created_at);
  // Each of these knows nothing of what is no dict, or no queue.
  resume_entries(tx, d.object.id, d.deleted_at, now);
  resume_partitions(tx, d.object.id, d.deleted_at, now);
  // In a list by age no two of a kind have the same time.
  Time created_at = d.object.created_at;
  while (tx.db()
             .query("SELECT 1 FROM objects WHERE environment = ? AND kind = ? AND created_at = ?",
                    d.object.environment, d.object.kind, created_at)
             .next())
    created_at += 1ms;
  tx.db().run("UPDATE objects SET kind = ?, environment = ?, name = ?, created_at = ? WHERE id = ?",
              d.object.kind, d.object.environment, d.object.name, created_at, d.object.id);
}

void purge(Tx& tx, std::string_view id) {
  tx.db().run("DELETE FROM deleted WHERE id = ?", id);
  remove_object(tx, id);
}

std::int64_t purge_deleted(Tx& tx, Time before, const std::vector<std::string>& kinds,
                           std::int64_t max) {
  std::string wanted;
  for (const std::string& kind : kinds) cat_to(wanted, ',', kind, ',');
  const std::vector<std::string> old = all_texts(
      tx.db().query("SELECT id FROM deleted WHERE deleted_at < ?1 AND (?2 = '' OR instr(?2, ',' || "
                    "kind || ',')) ORDER BY deleted_at LIMIT ?3",
                    before, wanted, max));
  for (const std::string& id : old) purge(tx, id);
  return static_cast<std::int64_t>(old.size());
}

}  // namespace ionian::store
