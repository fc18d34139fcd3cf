#pragma once
// What a change would touch, counted for those who are asked about it.
#include "store/people.h"
#include "store/workspaces.h"

namespace ionian::store {

struct EnvironmentContents {
  std::int64_t apps = 0, secrets = 0;
};
EnvironmentContents count_contents(View& view, const EnvironmentId& environment);

// When somebody's tokens were last used here; nullopt = never.
std::optional<Time> last_token_use(View& view, const WorkspaceId& workspace,
                                   std::string_view principal);

}  // namespace ionian::store
