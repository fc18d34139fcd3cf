#pragma once
// Who may do what in which environment. Answers are remembered until any identity changes.
#include <atomic>
#include <map>
#include <shared_mutex>

#include "rpc/call.h"
#include "store/people.h"
#include "store/workspaces.h"

namespace ionian::services {

class AccessRules {
 public:
  explicit AccessRules(store::Store& store) : store_(store) {}

  // OK, or NOT_FOUND where the caller may not even know of the environment, or PERMISSION_DENIED
  // with the role that the method needs and the one that the caller has.
  Result<void> check(const rpc::Call& call, const EnvironmentId& environment);

  // The same for an object that lies in `environment`, null if there is no such object. What one
  // may not see reads as what is not there: NOT_FOUND "WHAT 'ID' HOW".
  struct Object {
    std::string_view what, id, how = "not found";
  };
  Result<void> check(const rpc::Call& call, const EnvironmentId* environment, const Object& object);

  // What a member of the workspace, a service user or a container may do there.
  static rpc::EnvironmentRole role_in(store::View& view, const rpc::Caller& caller,
                                      const store::Environment& environment);

  // Something about users, roles or environments has changed.
  void forget();

 private:
  // The same, whatever the token that it came by may do.
  static rpc::EnvironmentRole role_of_principal(store::View& view, const rpc::Caller& caller,
                                                const store::Environment& environment);
  static constexpr std::size_t kRememberedMax = 100'000;
  store::Store& store_;
  std::shared_mutex mutex_;
  std::uint64_t generation_ = 0;  // guarded by mutex_
  std::map<std::pair<std::string, EnvironmentId>, rpc::EnvironmentRole>
      known_;  // guarded by mutex_
};

std::string_view role_text(rpc::EnvironmentRole role);
// "contributor", "viewer", "no-access"; nullopt for any other text.
std::optional<rpc::EnvironmentRole> environment_role_of(std::string_view text);
rpc::WorkspaceRole workspace_role_of(std::string_view text);

}  // namespace ionian::services
