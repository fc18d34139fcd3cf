#include "store/workspaces.h"

#include "store/deleted.h"

namespace ionian::store {
namespace {

Environment read_environment(const Rows& r) {
  return {.id = EnvironmentId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .name = r.text(2),
          .web_suffix = r.text(3),
          .image_builder_version = r.text(4),
          .is_default = r.number(5) != 0,
          .restricted = r.number(6) != 0,
          .default_role = r.text(7),
          .created_at = r.time(8)};
}

std::optional<Workspace> first_workspace(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return Workspace{WorkspaceId(rows.text(0)), rows.text(1), rows.text(2)};
}

std::optional<Environment> first_environment(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_environment(rows);
}

}  // namespace

std::optional<Workspace> find_workspace(View& view, const WorkspaceId& id) {
  return first_workspace(
      view.db().query("SELECT id, name, image_builder_version FROM workspaces WHERE id = ?", id));
}

std::optional<Workspace> find_first_workspace(View& view) {
  return first_workspace(view.db().query(
      "SELECT id, name, image_builder_version FROM workspaces ORDER BY created_at, id LIMIT 1"));
}

std::optional<Workspace> find_workspace_by_name(View& view, std::string_view name) {
  return first_workspace(view.db().query(
      "SELECT id, name, image_builder_version FROM workspaces WHERE name = ?", name));
}

std::vector<Workspace> list_workspaces(View& view) {
  std::vector<Workspace> all;
  Rows rows =
      view.db().query("SELECT id, name, image_builder_version FROM workspaces ORDER BY name");
  while (rows.next()) all.push_back({WorkspaceId(rows.text(0)), rows.text(1), rows.text(2)});
  return all;
}

void insert_workspace(Tx& tx, const Workspace& w, Time now) {
  tx.db().run("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)", w.id, w.name, now);
}

void rename_workspace(Tx& tx, const WorkspaceId& id, std::string_view name) {
  tx.db().run("UPDATE workspaces SET name = ? WHERE id = ?", name, id);
}

void set_workspace_builder_version(Tx& tx, const WorkspaceId& id, std::string_view version) {
  tx.db().run("UPDATE workspaces SET image_builder_version = ? WHERE id = ?", version, id);
}

std::optional<Environment> find_environment(View& view, const WorkspaceId& workspace,
                                            std::string_view name) {
  if (name.empty())
    return first_environment(view.db().query(
        "SELECT id, workspace, name, web_suffix, image_builder_version, is_default, restricted,"
        " default_role, created_at FROM environments WHERE workspace = ? AND is_default = 1",
        workspace));
  return first_environment(view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default, restricted,"
      " default_role, created_at FROM environments WHERE workspace = ? AND name = ?",
      workspace, name));
}

std::optional<Environment> find_environment_by_id(View& view, const WorkspaceId& workspace,
                                                  const EnvironmentId& id) {
  return first_environment(view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default, restricted,"
      " default_role, created_at FROM environments WHERE workspace = ? AND id = ?",
      workspace, id));
}

std::vector<Environment> list_environments(View& view, const WorkspaceId& workspace) {
  std::vector<Environment> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default, restricted,"
      " default_role, created_at FROM environments WHERE workspace = ? ORDER BY name",
      workspace);
  while (rows.next()) all.push_back(read_environment(rows));
  return all;
}

void insert_environment(Tx& tx, const Environment& e, Time now) {
  tx.db().run(
      "INSERT INTO environments (id, workspace, name, web_suffix, image_builder_version, "
      "is_default,"
      " restricted, default_role, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      e.id, e.workspace, e.name, e.web_suffix, e.image_builder_version, e.is_default, e.restricted,
      e.default_role, now);
}

void update_environment(Tx& tx, const Environment& e) {
  tx.db().run(
      "UPDATE environments SET name = ?, web_suffix = ?, image_builder_version = ?, restricted = ?,"
      " default_role = ? WHERE id = ?",
      e.name, e.web_suffix, e.image_builder_version, e.restricted, e.default_role, e.id);
}

void delete_environment(Tx& tx, const EnvironmentId& id, const KeepDeleted& keep, Time now) {
  tx.db().run("DELETE FROM environment_roles WHERE environment = ?", id);
  delete_all_of(tx, id, keep, now);
  tx.db().run("DELETE FROM classes WHERE app IN (SELECT id FROM apps WHERE environment = ?)", id);
  tx.db().run("DELETE FROM mounts WHERE environment = ?", id);
  tx.db().run("DELETE FROM functions WHERE app IN (SELECT id FROM apps WHERE environment = ?)", id);
  tx.db().run("DELETE FROM apps WHERE environment = ?", id);
  tx.db().run("DELETE FROM environments WHERE id = ?", id);
}

bool environment_is_empty(View& view, const EnvironmentId& id, int stopped_state) {
  Rows rows = view.db().query("SELECT 1 FROM apps WHERE environment = ? AND state != ? LIMIT 1", id,
                              stopped_state);
  return !rows.next();
}

void set_default_environment(Tx& tx, const WorkspaceId& workspace, const EnvironmentId& id) {
  tx.db().run("UPDATE environments SET is_default = (id = ?) WHERE workspace = ?", id, workspace);
}

}  // namespace ionian::store
