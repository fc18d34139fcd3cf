#include "store/people.h"

namespace ionian::store {
namespace {

std::optional<User> first_user(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return User{UserId(rows.text(0)), rows.text(1), rows.text(2), rows.text(3), rows.time(4)};
}

ServiceUser read_service_user(const Rows& r) {
  return {.id = ServiceUserId(r.text(0)),
          .workspace = WorkspaceId(r.text(1)),
          .name = r.text(2),
          .created_by = UserId(r.text(3)),
          .created_at = r.time(4)};
}

}  // namespace

std::optional<User> find_user(View& view, const UserId& id) {
  return first_user(view.db().query(
      "SELECT id, name, email, password_hash, created_at FROM users WHERE id = ?", id));
}

std::optional<User> find_user_by_name(View& view, std::string_view name) {
  return first_user(view.db().query(
      "SELECT id, name, email, password_hash, created_at FROM users WHERE name = ?", name));
}

std::optional<User> find_user_by_email(View& view, std::string_view email) {
  return first_user(view.db().query(
      "SELECT id, name, email, password_hash, created_at FROM users WHERE email = ?", email));
}

std::optional<User> find_first_user(View& view) {
  return first_user(
      view.db().query("SELECT id, name, email, password_hash, created_at FROM users ORDER BY "
                      "created_at, id LIMIT 1"));
}

void insert_user(Tx& tx, const User& u) {
  const std::optional<std::string> email = u.email.empty() ? std::nullopt : std::optional(u.email);
  tx.db().run(
      "INSERT INTO users (id, name, email, password_hash, created_at) VALUES (?, ?, ?, ?, ?)", u.id,
      u.name, email, u.password_hash, u.created_at);
}

void update_user(Tx& tx, const User& u) {
  const std::optional<std::string> email = u.email.empty() ? std::nullopt : std::optional(u.email);
  tx.db().run("UPDATE users SET name = ?, email = ?, password_hash = ? WHERE id = ?", u.name, email,
              u.password_hash, u.id);
}

std::string theme_of(View& view, const UserId& user) {
  Rows rows = view.db().query("SELECT theme FROM users WHERE id = ?", user);
  return rows.next() ? rows.text(0) : std::string();
}

void set_theme(Tx& tx, const UserId& user, std::string_view theme) {
  tx.db().run("UPDATE users SET theme = ? WHERE id = ?", theme, user);
}

std::string member_role(View& view, const WorkspaceId& workspace, const UserId& user) {
  Rows rows =
      view.db().query("SELECT role FROM members WHERE workspace = ? AND user = ?", workspace, user);
  return rows.next() ? rows.text(0) : std::string();
}

std::vector<Member> list_members(View& view, const WorkspaceId& workspace) {
  std::vector<Member> all;
  Rows rows = view.db().query(
      "SELECT u.id, u.name, m.role, m.created_at, u.email FROM members m"
      " JOIN users u ON u.id = m.user WHERE m.workspace = ? ORDER BY u.name",
      workspace);
  while (rows.next())
    all.push_back({UserId(rows.text(0)), rows.text(1), rows.text(2), rows.time(3), rows.text(4)});
  return all;
}

void set_member(Tx& tx, const WorkspaceId& workspace, const UserId& user, std::string_view role,
                Time now) {
  tx.db().run(
      "INSERT INTO members (workspace, user, role, created_at) VALUES (?, ?, ?, ?)"
      " ON CONFLICT (workspace, user) DO UPDATE SET role = excluded.role",
      workspace, user, role, now);
}

void remove_member(Tx& tx, const WorkspaceId& workspace, const UserId& user) {
  tx.db().run(
      "DELETE FROM environment_roles WHERE principal = ? AND environment IN"
      " (SELECT id FROM environments WHERE workspace = ?)",
      user, workspace);
  tx.db().run("DELETE FROM members WHERE workspace = ? AND user = ?", workspace, user);
}

std::int64_t count_owners(View& view, const WorkspaceId& workspace) {
  Rows rows = view.db().query("SELECT count(*) FROM members WHERE workspace = ? AND role = 'owner'",
                              workspace);
  return rows.next() ? rows.number(0) : 0;
}

std::vector<Membership> list_memberships(View& view, const UserId& user) {
  std::vector<Membership> all;
  Rows rows = view.db().query(
      "SELECT w.id, w.name, m.role FROM members m JOIN workspaces w ON w.id = m.workspace"
      " WHERE m.user = ? ORDER BY w.name",
      user);
  while (rows.next()) all.push_back({WorkspaceId(rows.text(0)), rows.text(1), rows.text(2)});
  return all;
}

WorkspaceId first_workspace_of(View& view, const UserId& user) {
  Rows rows = view.db().query(
      "SELECT workspace FROM members WHERE user = ? ORDER BY created_at LIMIT 1", user);
  return rows.next() ? WorkspaceId(rows.text(0)) : WorkspaceId();
}

std::optional<ServiceUser> find_service_user(View& view, const WorkspaceId& workspace,
                                             std::string_view name_or_id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, name, created_by, created_at FROM service_users"
      " WHERE workspace = ?1 AND (name = ?2 OR id = ?2)",
      workspace, name_or_id);
  if (!rows.next()) return std::nullopt;
  return read_service_user(rows);
}

std::vector<ServiceUser> list_service_users(View& view, const WorkspaceId& workspace) {
  std::vector<ServiceUser> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, name, created_by, created_at FROM service_users WHERE workspace = ?"
      " ORDER BY name",
      workspace);
  while (rows.next()) all.push_back(read_service_user(rows));
  return all;
}

void insert_service_user(Tx& tx, const ServiceUser& u) {
  tx.db().run(
      "INSERT INTO service_users (id, workspace, name, created_by, created_at) VALUES (?, ?, ?, ?, "
      "?)",
      u.id, u.workspace, u.name, u.created_by, u.created_at);
}

void delete_service_user(Tx& tx, const ServiceUserId& id, Time now) {
  tx.db().run("UPDATE tokens SET revoked_at = ? WHERE principal = ? AND revoked_at IS NULL", now,
              id);
  tx.db().run("DELETE FROM environment_roles WHERE principal = ?", id);
  tx.db().run("DELETE FROM service_users WHERE id = ?", id);
}

std::string environment_role(View& view, const EnvironmentId& environment,
                             std::string_view principal) {
  Rows rows =
      view.db().query("SELECT role FROM environment_roles WHERE environment = ? AND principal = ?",
                      environment, principal);
  return rows.next() ? rows.text(0) : std::string();
}

void set_environment_role(Tx& tx, const EnvironmentId& environment, std::string_view principal,
                          std::string_view role) {
  if (role.empty()) {
    tx.db().run("DELETE FROM environment_roles WHERE environment = ? AND principal = ?",
                environment, principal);
    return;
  }
  tx.db().run(
      "INSERT INTO environment_roles (environment, principal, role) VALUES (?, ?, ?)"
      " ON CONFLICT (environment, principal) DO UPDATE SET role = excluded.role",
      environment, principal, role);
}

}  // namespace ionian::store
