#include "store/objects.h"

#include "store/rows.h"

namespace ionian::store {
namespace {

DataObject object_of(const Rows& rows) {
  return {.id = rows.text(0),
          .kind = rows.text(1),
          .workspace = WorkspaceId(rows.text(2)),
          .environment = EnvironmentId(rows.text(3)),
          .name = rows.text(4),
          .created_by = rows.text(5),
          .created_at = rows.time(6)};
}

std::vector<DataObject> objects_of(Rows rows) {
  std::vector<DataObject> found;
  while (rows.next()) found.push_back(object_of(rows));
  return found;
}

}  // namespace

void insert_object(Tx& tx, DataObject& o) {
  {
    Rows newest =
        tx.db().query("SELECT max(created_at) FROM objects WHERE environment = ? AND kind = ?",
                      o.environment, o.kind);
    if (newest.next() && !newest.null(0))
      o.created_at = std::max(o.created_at, newest.time(0) + 1ms);
  }
  tx.db().run(
      "INSERT INTO objects (id, kind, workspace, environment, name, created_by, created_at, "
      "beat_at) VALUES (?, ?, ?, ?, ?, ?, ?, CASE WHEN ? THEN ? END)",
      o.id, o.kind, o.workspace, o.environment, o.name, o.created_by, o.created_at, o.name.empty(),
      o.created_at);
}

std::optional<DataObject> find_object(View& view, const WorkspaceId& workspace,
                                      std::string_view kind, std::string_view id) {
  Rows rows = view.db().query(
      "SELECT id, kind, workspace, environment, name, created_by, created_at FROM objects WHERE "
      "id = ? AND workspace = ? AND kind = ?",
      id, workspace, kind);
  if (!rows.next()) return std::nullopt;
  return object_of(rows);
}

std::optional<DataObject> find_named_object(View& view, const EnvironmentId& environment,
                                            std::string_view kind, std::string_view name) {
  Rows rows = view.db().query(
      "SELECT id, kind, workspace, environment, name, created_by, created_at FROM objects WHERE "
      "environment = ? AND kind = ? AND name = ? AND name != ''",
      environment, kind, name);
  if (!rows.next()) return std::nullopt;
  return object_of(rows);
}

bool object_exists(View& view, std::string_view id) {
  return view.db().query("SELECT 1 FROM objects WHERE id = ?", id).next();
}

std::vector<DataObject> list_objects(View& view, const EnvironmentId& environment,
                                     std::string_view kind, Time before, std::int64_t max) {
  return objects_of(view.db().query(
      "SELECT id, kind, workspace, environment, name, created_by, created_at FROM objects WHERE "
      "environment = ? AND kind = ? AND name != '' AND created_at < ? ORDER BY created_at DESC "
      "LIMIT ?",
      environment, kind, before, max));
}

std::vector<DataObject> all_objects_of(View& view, const EnvironmentId& environment) {
  return objects_of(view.db().query(
      "SELECT id, kind, workspace, environment, name, created_by, created_at FROM objects WHERE "
      "environment = ?",
      environment));
}

void remove_object(Tx& tx, std::string_view id) {
  tx.db().run("DELETE FROM dict_entries WHERE dict = ?", id);
  tx.db().run(
      "DELETE FROM queue_items WHERE partition IN (SELECT number FROM queue_partitions WHERE "
      "queue = ?)",
      id);
  tx.db().run("DELETE FROM queue_partitions WHERE queue = ?", id);
  tx.db().run("DELETE FROM volume_entries WHERE volume = ?", id);
  tx.db().run("DELETE FROM volumes WHERE id = ?", id);
  tx.db().run("DELETE FROM objects WHERE id = ?", id);
}

bool note_beat(Tx& tx, std::string_view id, Time now) {
  return tx.db().run("UPDATE objects SET beat_at = ? WHERE id = ? AND beat_at IS NOT NULL", now,
                     id) > 0;
}

void note_all_beats(Tx& tx, Time now) {
  tx.db().run("UPDATE objects SET beat_at = ? WHERE beat_at IS NOT NULL", now);
}

void remove_forgotten_objects(Tx& tx, Time last_beat_before) {
  for (const std::string& id :
       all_texts(tx.db().query("SELECT id FROM objects WHERE beat_at < ?", last_beat_before)))
    remove_object(tx, id);
}

}  // namespace ionian::store
