#include "store/deployments.h"

#include "store/app_rows.h"

#define SELECT_DEPLOYMENT "SELECT version, deployed_at, deployed_by, publish FROM deployments"

namespace ionian::store {
namespace {

Deployment read_deployment(const Rows& r) {
  return {.version = static_cast<int>(r.number(0)),
          .deployed_at = r.time(1),
          .deployed_by = r.text(2),
          .publish = r.text(3)};
}

template <class Read>
auto one(Rows rows, Read read) -> std::optional<decltype(read(rows))> {
  if (!rows.next()) return std::nullopt;
  return read(rows);
}

template <class Read>
auto all(Rows rows, Read read) {
  std::vector<decltype(read(rows))> list;
  while (rows.next()) list.push_back(read(rows));
  return list;
}

Class read_class(const Rows& r) { return {ClassId(r.text(0)), AppId(r.text(1)), r.text(2)}; }

}  // namespace

std::optional<App> find_deployed_app(View& view, const EnvironmentId& environment,
                                     std::string_view name, int deployed_state) {
  return one(view.db().query(SELECT_APP " WHERE environment = ? AND name = ? AND state = ?",
                             environment, name, deployed_state),
             read_app);
}

std::optional<App> find_former_app(View& view, const EnvironmentId& environment,
                                   std::string_view name, int stopped_state) {
  return one(view.db().query(SELECT_APP " WHERE environment = ? AND name = ? AND state = ?"
                                        " ORDER BY stopped_at DESC LIMIT 1",
                             environment, name, stopped_state),
             read_app);
}

void set_app_deployed(Tx& tx, const AppId& id, std::string_view name, int state) {
  tx.db().run("UPDATE apps SET name = ?1, description = ?1, state = ?2 WHERE id = ?3", name, state,
              id);
}

void insert_deployment(Tx& tx, const AppId& app, const Deployment& d) {
  tx.db().run(
      "INSERT INTO deployments (app, version, deployed_at, deployed_by, publish)"
      " VALUES (?, ?, ?, ?, ?)",
      app, d.version, d.deployed_at, d.deployed_by, Blob{d.publish});
}

std::optional<Deployment> find_deployment(View& view, const AppId& app, int version) {
  return one(view.db().query(SELECT_DEPLOYMENT " WHERE app = ? AND version = ?", app, version),
             read_deployment);
}

std::vector<Deployment> list_deployments(View& view, const AppId& app) {
  return all(view.db().query(SELECT_DEPLOYMENT " WHERE app = ? ORDER BY version DESC", app),
             read_deployment);
}

std::optional<Deployment> last_deployment(View& view, const AppId& app) {
  return one(view.db().query(SELECT_DEPLOYMENT " WHERE app = ? ORDER BY version DESC LIMIT 1", app),
             read_deployment);
}

void insert_definition(Tx& tx, std::string_view id, const FunctionId& function,
                       std::string_view definition, Time now) {
  tx.db().run("INSERT INTO definitions (id, function, definition, created_at) VALUES (?, ?, ?, ?)",
              id, function, Blob{definition}, now);
}

std::string find_definition(View& view, const FunctionId& function, std::string_view id) {
  Rows rows = view.db().query("SELECT definition FROM definitions WHERE id = ? AND function = ?",
                              id, function);
  return rows.next() ? rows.text(0) : "";
}

std::string newest_definition(View& view, const FunctionId& function) {
  Rows rows = view.db().query(
      "SELECT id FROM definitions WHERE function = ? ORDER BY rowid DESC LIMIT 1", function);
  return rows.next() ? rows.text(0) : "";
}

void retire_all(Tx& tx, const AppId& app) {
  tx.db().run("UPDATE functions SET live = 0 WHERE app = ?", app);
  tx.db().run("UPDATE classes SET live = 0 WHERE app = ?", app);
}

void make_function_live(Tx& tx, const FunctionId& id, std::string_view tag) {
  tx.db().run("UPDATE functions SET live = 1, tag = ? WHERE id = ?", tag, id);
}

void make_class_live(Tx& tx, const AppId& app, const ClassId& id, std::string_view tag) {
  tx.db().run("UPDATE classes SET live = 1, tag = ? WHERE app = ? AND id = ?", tag, app, id);
}

std::vector<Function> list_live_functions(View& view, const AppId& app) {
  return all(view.db().query(SELECT_FUNCTION " WHERE app = ? AND live = 1 AND pinned = 0", app),
             read_function);
}

std::vector<Class> list_live_classes(View& view, const AppId& app) {
  return all(view.db().query("SELECT id, app, tag FROM classes WHERE app = ? AND live = 1", app),
             read_class);
}

std::optional<Function> find_live_function(View& view, const AppId& app, std::string_view tag) {
  return one(
      view.db().query(SELECT_FUNCTION " WHERE app = ? AND tag = ? AND live = 1 AND pinned = 0", app,
                      tag),
      read_function);
}

std::optional<Class> find_live_class(View& view, const AppId& app, std::string_view tag) {
  return one(
      view.db().query("SELECT id, app, tag FROM classes WHERE app = ? AND tag = ? AND live = 1",
                      app, tag),
      read_class);
}

std::optional<Function> find_pinned_function(View& view, const AppId& app, std::string_view tag,
                                             int version) {
  return one(view.db().query(SELECT_FUNCTION " WHERE app = ? AND tag = ? AND pinned = ?", app, tag,
                             version),
             read_function);
}

void insert_pinned_function(Tx& tx, const Function& f, int version, Time now) {
  insert_function(tx, f, now);
  tx.db().run("UPDATE functions SET live = 0, pinned = ? WHERE id = ?", version, f.id);
}

void set_app_tags(Tx& tx, const AppId& app, const std::map<std::string, std::string>& tags) {
  tx.db().run("DELETE FROM app_tags WHERE app = ?", app);
  for (const auto& [key, value] : tags)
    tx.db().run("INSERT INTO app_tags (app, key, value) VALUES (?, ?, ?)", app, key, value);
}

std::map<std::string, std::string> list_app_tags(View& view, const AppId& app) {
  std::map<std::string, std::string> tags;
  Rows rows = view.db().query("SELECT key, value FROM app_tags WHERE app = ?", app);
  while (rows.next()) tags[rows.text(0)] = rows.text(1);
  return tags;
}

}  // namespace ionian::store
