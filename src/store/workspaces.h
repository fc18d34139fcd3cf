#pragma once
// Workspaces and their environments. A workspace is a wall: every look-up takes its id.
#include <vector>

#include "store/keep_deleted.h"
#include "store/store.h"

namespace ionian::store {

struct Workspace {
  WorkspaceId id;
  std::string name;
  std::string image_builder_version;  // "" = the server's default
};

struct Environment {
  EnvironmentId id;
  WorkspaceId workspace;
  std::string name, web_suffix;
  std::string image_builder_version;  // "" = the workspace's
  bool is_default = false;
  bool restricted = false;
  std::string default_role = "contributor";  // of members, where it is restricted
  Time created_at;
};

std::optional<Workspace> find_workspace(View& view, const WorkspaceId& id);
// The workspace that exists from the first start on.
std::optional<Workspace> find_first_workspace(View& view);
std::optional<Workspace> find_workspace_by_name(View& view, std::string_view name);
std::vector<Workspace> list_workspaces(View& view);
void rename_workspace(Tx& tx, const WorkspaceId& id, std::string_view name);
void insert_workspace(Tx& tx, const Workspace& workspace, Time now);

// An empty name means the workspace's default environment.
std::optional<Environment> find_environment(View& view, const WorkspaceId& workspace,
                                            std::string_view name);
std::optional<Environment> find_environment_by_id(View& view, const WorkspaceId& workspace,
                                                  const EnvironmentId& id);
std::vector<Environment> list_environments(View& view, const WorkspaceId& workspace);
void insert_environment(Tx& tx, const Environment& environment, Time now);
// Writes all that may change: name, suffix, builder version, restriction, default role.
void update_environment(Tx& tx, const Environment& environment);
// With all that is in it; what may come back is kept.
void delete_environment(Tx& tx, const EnvironmentId& id, const KeepDeleted& keep, Time now);
// False if something still lives in it.
bool environment_is_empty(View& view, const EnvironmentId& id, int stopped_state);
void set_default_environment(Tx& tx, const WorkspaceId& workspace, const EnvironmentId& id);
void set_workspace_builder_version(Tx& tx, const WorkspaceId& workspace, std::string_view version);

}  // namespace ionian::store
