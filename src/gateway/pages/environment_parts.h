#pragma once
// What the pages of environments have in common: who may go where.
#include "gateway/pages/parts.h"
#include "services/environment_rules.h"
#include "store/counts.h"

namespace ionian::gateway::pages {

// A member's or service user's role in an environment.
struct RoleRow {
  std::string principal, name, email;
  bool service = false;
  rpc::WorkspaceRole workspace_role = rpc::WorkspaceRole::kNone;
  std::string assigned;  // "" = by default
  rpc::EnvironmentRole role = rpc::EnvironmentRole::kNoAccess;
};
std::vector<RoleRow> roles_in(store::View& view, const store::Environment& env);
bool may_see(store::View& view, const Visit& visit, const store::Environment& env);

}  // namespace ionian::gateway::pages
