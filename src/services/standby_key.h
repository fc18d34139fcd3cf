#pragma once
// Which tasks one interpreter may be for that has loaded the runtime before they were known.
#include "base/ids.h"
#include "worker/task.pb.h"

namespace ionian::services {

// Equal for those. Tenants never share one, nor do environments. `spec` has what tasks have in
// common with a standby, which may hold nothing of a program and no secret.
std::string standby_key(const WorkspaceId& workspace, const EnvironmentId& environment,
                        const worker::TaskSpec& spec);

}  // namespace ionian::services
