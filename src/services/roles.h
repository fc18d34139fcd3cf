#pragma once
// What the rules of identity ask of an actor's role.
#include "services/actor.h"

namespace ionian::services {

inline bool at_least(const Actor& actor, rpc::WorkspaceRole role) {
  return actor.principal == "owner" || actor.role >= role;
}

// PERMISSION_DENIED for less than a manager: "inviting members needs the role manager …".
inline Result<void> needs_manager(const Actor& actor, std::string_view doing) {
  if (at_least(actor, rpc::WorkspaceRole::kManager)) return {};
  return fail(Code::kPermissionDenied, doing, " needs the role manager in this workspace");
}

}  // namespace ionian::services
