#pragma once
// Two workspaces with one of each object, and everybody who may knock at the door.
#include "services/token_rules.h"
#include "store/secrets.h"
#include "whole.h"

namespace ionian::server {

// The ids and names of a workspace's objects, by what request fields call them.
struct Objects {
  std::string app, function, class_, image, mount, secret, dict, queue, volume, shared_volume, blob,
      call, input, task;
  std::string token, service_user, service_user_name, proxy_token, user;
  std::string environment, environment_name;
};

class World {
 public:
  World();

  Whole whole;
  Objects a, b;  // of the workspaces A and B, in a restricted environment of each
  Objects open;  // of A too, in an environment for all its members
  WorkspaceId workspace_a, workspace_b;

  // Callers of workspace A.
  rpc::Caller anonymous, machine_owner, container, owner, manager, member, service;
  rpc::Caller viewer_token, member_token, scoped_token;
  // Of workspace B, with all rights there.
  rpc::Caller stranger, strange_container;
  // A member of A who has no access to its environment, and one who may look.
  rpc::Caller outsider, onlooker;

 private:
  Objects make_objects(store::Tx& tx, const WorkspaceId& workspace, const std::string& prefix,
                       bool restricted);
  void add_shared_objects(store::Tx& tx, const WorkspaceId& workspace, const std::string& prefix,
                          Objects& o);
  void make_live(Objects& o, const WorkspaceId& workspace);
  rpc::Caller person(store::Tx& tx, const WorkspaceId& workspace, const std::string& role,
                     const std::string& name);
  Time now_;
};

}  // namespace ionian::server
