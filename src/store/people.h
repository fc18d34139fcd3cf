#pragma once
// Users, their memberships, service users and roles in environments.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct User {
  UserId id;
  std::string name;
  std::string email;          // by which the user signs in; "" = not yet
  std::string password_hash;  // Argon2id; "" = cannot sign in
  Time created_at;
};
std::optional<User> find_user(View& view, const UserId& id);
std::optional<User> find_user_by_name(View& view, std::string_view name);
std::optional<User> find_user_by_email(View& view, std::string_view email);
// The first account; there is one from the first start on.
std::optional<User> find_first_user(View& view);
void insert_user(Tx& tx, const User& user);
// Name, email and password.
void update_user(Tx& tx, const User& user);
// How the pages look: "light", "dark"; "" = as the browser says.
std::string theme_of(View& view, const UserId& user);
void set_theme(Tx& tx, const UserId& user, std::string_view theme);

struct Member {
  UserId user;
  std::string name;
  std::string role;  // "owner", "manager", "member"
  Time created_at;
  std::string email = {};
};
// "" if the user is no member.
std::string member_role(View& view, const WorkspaceId& workspace, const UserId& user);
std::vector<Member> list_members(View& view, const WorkspaceId& workspace);
void set_member(Tx& tx, const WorkspaceId& workspace, const UserId& user, std::string_view role,
                Time now);
// With the roles that the user was given in environments of the workspace.
void remove_member(Tx& tx, const WorkspaceId& workspace, const UserId& user);
std::int64_t count_owners(View& view, const WorkspaceId& workspace);

// Where a user is a member, by name.
struct Membership {
  WorkspaceId workspace;
  std::string name, role;
};
std::vector<Membership> list_memberships(View& view, const UserId& user);
// The workspace that a signed-in user sees first; empty if there is none.
WorkspaceId first_workspace_of(View& view, const UserId& user);

struct ServiceUser {
  ServiceUserId id;
  WorkspaceId workspace;
  std::string name;
  UserId created_by;
  Time created_at;
};
std::optional<ServiceUser> find_service_user(View& view, const WorkspaceId& workspace,
                                             std::string_view name_or_id);
std::vector<ServiceUser> list_service_users(View& view, const WorkspaceId& workspace);
void insert_service_user(Tx& tx, const ServiceUser& user);
// Its tokens are revoked, its roles go with it.
void delete_service_user(Tx& tx, const ServiceUserId& id, Time now);

// "" if nothing was assigned.
std::string environment_role(View& view, const EnvironmentId& environment,
                             std::string_view principal);
// An empty role takes the assignment away.
void set_environment_role(Tx& tx, const EnvironmentId& environment, std::string_view principal,
                          std::string_view role);

}  // namespace ionian::store
