#include "store/workspaces.h"

namespace ionian::store {
namespace {

Environment read_environment(const Rows& r) {
  return {.id = EnvironmentId(r.text(0)), .workspace = WorkspaceId(r.text(1)), .name = r.text(2),
          .web_suffix = r.text(3), .image_builder_version = r.text(4), .is_default = r.number(5) != 0};
}

std::optional<Workspace> first_workspace(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return Workspace{WorkspaceId(rows.text(0)), rows.text(1)};
}

std::optional<Environment> first_environment(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_environment(rows);
}

}  // namespace

std::optional<Workspace> find_workspace(View& view, const WorkspaceId& id) {
  return first_workspace(view.db().query("SELECT id, name FROM workspaces WHERE id = ?", id));
}

std::optional<Workspace> find_workspace_by_name(View& view, std::string_view name) {
  return first_workspace(view.db().query("SELECT id, name FROM workspaces WHERE name = ?", name));
}

void insert_workspace(Tx& tx, const Workspace& w, Time now) {
  tx.db().run("INSERT INTO workspaces (id, name, created_at) VALUES (?, ?, ?)", w.id, w.name, now);
}

std::optional<Environment> find_environment(View& view, const WorkspaceId& workspace, std::string_view name) {
  if (name.empty())
    return first_environment(view.db().query(
        "SELECT id, workspace, name, web_suffix, image_builder_version, is_default FROM environments"
        " WHERE workspace = ? AND is_default = 1", workspace));
  return first_environment(view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default FROM environments"
      " WHERE workspace = ? AND name = ?", workspace, name));
}

std::optional<Environment> find_environment_by_id(View& view, const WorkspaceId& workspace, const EnvironmentId& id) {
  return first_environment(view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default FROM environments"
      " WHERE workspace = ? AND id = ?", workspace, id));
}

std::vector<Environment> list_environments(View& view, const WorkspaceId& workspace) {
  std::vector<Environment> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, web_suffix, image_builder_version, is_default FROM environments"
      " WHERE workspace = ? ORDER BY name", workspace);
  while (rows.next()) all.push_back(read_environment(rows));
  return all;
}

void insert_environment(Tx& tx, const Environment& e, Time now) {
  tx.db().run("INSERT INTO environments (id, workspace, name, web_suffix, image_builder_version, is_default,"
              " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
              e.id, e.workspace, e.name, e.web_suffix, e.image_builder_version, e.is_default, now);
}

}  // namespace ionian::store
