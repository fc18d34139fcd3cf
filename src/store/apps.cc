#include "store/app_rows.h"

namespace ionian::store {
void insert_app(Tx& tx, const App& a) {
  tx.db().run(
      "INSERT INTO apps (id, workspace, environment, name, description, state, created_at,"
      " created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      a.id, a.workspace, a.environment, a.name, a.description, a.state, a.created_at, a.created_by);
}

std::optional<App> find_app(View& view, const WorkspaceId& workspace, const AppId& id) {
  Rows rows = view.db().query(SELECT_APP " WHERE workspace = ? AND id = ?", workspace, id);
  if (!rows.next()) return std::nullopt;
  return read_app(rows);
}

void set_app_state(Tx& tx, const AppId& id, int state) {
  tx.db().run("UPDATE apps SET state = ? WHERE id = ?", state, id);
}

void set_app_stopping(Tx& tx, const AppId& id, int state, std::string_view by) {
  tx.db().run("UPDATE apps SET state = ?, stopped_by = ? WHERE id = ?", state, by, id);
}

void set_app_stopped(Tx& tx, const AppId& id, int state, Time now) {
  tx.db().run("UPDATE apps SET state = ?, stopped_at = coalesce(stopped_at, ?) WHERE id = ?", state,
              now, id);
}

std::vector<App> list_unstopped_apps(View& view, int stopped_state) {
  std::vector<App> all;
  Rows rows = view.db().query(SELECT_APP " WHERE state != ?", stopped_state);
  while (rows.next()) all.push_back(read_app(rows));
  return all;
}

std::vector<App> list_apps(View& view, const EnvironmentId& environment, int stopped_state,
                           Time stopped_after) {
  std::vector<App> all;
  Rows rows = view.db().query(SELECT_APP
                              " WHERE environment = ? AND (state != ? OR stopped_at >= ?)"
                              " ORDER BY created_at DESC",
                              environment, stopped_state, stopped_after);
  while (rows.next()) all.push_back(read_app(rows));
  return all;
}

void insert_function(Tx& tx, const Function& f, Time now) {
  tx.db().run(
      "INSERT INTO functions (id, app, tag, definition_id, definition, created_at) VALUES (?, ?, "
      "?, ?, ?, ?)",
      f.id, f.app, f.tag, f.definition_id, Blob{f.definition}, now);
}

void define_function(Tx& tx, const FunctionId& id, std::string_view definition_id,
                     std::string_view definition) {
  tx.db().run("UPDATE functions SET definition_id = ?, definition = ? WHERE id = ?", definition_id,
              Blob{definition}, id);
}

std::optional<Function> find_function(View& view, const WorkspaceId& workspace,
                                      const FunctionId& id) {
  Rows rows = view.db().query(
      "SELECT f.id, f.app, f.tag, f.definition_id, f.definition, f.live AND f.pinned = 0"
      " FROM functions f JOIN apps a ON a.id = f.app WHERE a.workspace = ? AND f.id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return read_function(rows);
}

std::vector<Function> list_functions(View& view, const AppId& app) {
  std::vector<Function> all;
  Rows rows =
      view.db().query(SELECT_FUNCTION " WHERE app = ? ORDER BY pinned DESC, live, rowid", app);
  while (rows.next()) all.push_back(read_function(rows));
  return all;
}

void insert_class(Tx& tx, const Class& c, Time now) {
  tx.db().run("INSERT INTO classes (id, app, tag, created_at) VALUES (?, ?, ?, ?)", c.id, c.app,
              c.tag, now);
}

void set_class_tag(Tx& tx, const AppId& app, const ClassId& id, std::string_view tag) {
  tx.db().run("UPDATE classes SET tag = ? WHERE app = ? AND id = ?", tag, app, id);
}

bool find_class(View& view, const AppId& app, const ClassId& id) {
  return view.db().query("SELECT 1 FROM classes WHERE app = ? AND id = ?", app, id).next();
}

std::vector<Class> list_classes(View& view, const AppId& app) {
  std::vector<Class> all;
  Rows rows =
      view.db().query("SELECT id, app, tag FROM classes WHERE app = ? ORDER BY live, rowid", app);
  while (rows.next()) all.push_back({ClassId(rows.text(0)), AppId(rows.text(1)), rows.text(2)});
  return all;
}

}  // namespace ionian::store
