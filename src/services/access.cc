#include "services/access.h"

#include <algorithm>

namespace ionian::services {

using rpc::EnvironmentRole;
using rpc::WorkspaceRole;

std::string_view role_text(EnvironmentRole role) {
  switch (role) {
    case EnvironmentRole::kContributor:
      return "contributor";
    case EnvironmentRole::kViewer:
      return "viewer";
    case EnvironmentRole::kNoAccess:
      return "no-access";
  }
  return "?";
}

std::optional<EnvironmentRole> environment_role_of(std::string_view text) {
  if (text == "contributor") return EnvironmentRole::kContributor;
  if (text == "viewer") return EnvironmentRole::kViewer;
  if (text == "no-access") return EnvironmentRole::kNoAccess;
  return std::nullopt;
}

WorkspaceRole workspace_role_of(std::string_view text) {
  if (text == "owner") return WorkspaceRole::kOwner;
  if (text == "manager") return WorkspaceRole::kManager;
  if (text == "member") return WorkspaceRole::kMember;
  return WorkspaceRole::kNone;
}

EnvironmentRole AccessRules::role_in(store::View& view, const rpc::Caller& caller,
                                     const store::Environment& env) {
  if (caller.kind == rpc::CallerKind::kTask)
    return env.id == caller.environment || !env.restricted ? EnvironmentRole::kContributor
                                                           : EnvironmentRole::kNoAccess;
  if (caller.only &&
      std::find(caller.only->begin(), caller.only->end(), env.id) == caller.only->end())
    return EnvironmentRole::kNoAccess;
  return std::min(caller.most, role_of_principal(view, caller, env));
}

EnvironmentRole AccessRules::role_of_principal(store::View& view, const rpc::Caller& caller,
                                               const store::Environment& env) {
  if (std::max(caller.role, caller.standing) >= WorkspaceRole::kManager)
    return EnvironmentRole::kContributor;
  const std::string assigned = store::environment_role(view, env.id, caller.principal);
  if (!assigned.empty()) return environment_role_of(assigned).value_or(EnvironmentRole::kNoAccess);
  if (!env.restricted) return EnvironmentRole::kContributor;
  // A service user is no member: in a restricted environment it has what it was given.
  if (caller.role == WorkspaceRole::kService) return EnvironmentRole::kNoAccess;
  return environment_role_of(env.default_role).value_or(EnvironmentRole::kNoAccess);
}

Result<void> AccessRules::check(const rpc::Call& call, const EnvironmentId& environment) {
  const rpc::Caller& caller = call.caller;
  const std::pair<std::string, EnvironmentId> key(caller.kind == rpc::CallerKind::kTask
                                                      ? caller.environment.str()
                                                  : caller.limited ? caller.token.str()
                                                                   : caller.principal,
                                                  environment);
  std::optional<EnvironmentRole> role;
  std::uint64_t generation = 0;
  {
    std::shared_lock lock(mutex_);
    generation = generation_;
    if (const auto it = known_.find(key); it != known_.end()) role = it->second;
  }
  if (!role) {
    role = store_.read([&](store::View& view) {
      const auto env = store::find_environment_by_id(view, call.caller.workspace, environment);
      return env ? role_in(view, call.caller, *env) : EnvironmentRole::kNoAccess;
    });
    std::unique_lock lock(mutex_);
    if (known_.size() >= kRememberedMax) known_.clear();
    // An answer that was read before a change must not outlive it.
    if (generation == generation_) known_.emplace(key, *role);
  }
  const EnvironmentRole needed =
      call.access == rpc::Access::kView ? EnvironmentRole::kViewer : EnvironmentRole::kContributor;
  if (*role >= needed) return {};
  if (*role == EnvironmentRole::kNoAccess) return fail(Code::kNotFound, "not found");
  return fail(Code::kPermissionDenied, call.method.substr(call.method.rfind('/') + 1),
              " needs the role ", role_text(needed), " in this environment; you are ",
              role_text(*role));
}

Result<void> AccessRules::check(const rpc::Call& call, const EnvironmentId* environment,
                                const Object& object) {
  Result<void> may = environment ? check(call, *environment) : fail(Code::kNotFound, "");
  if (!may && may.error().code == Code::kNotFound)
    return fail(Code::kNotFound, object.what, " '", object.id, "' ", object.how);
  return may;
}

void AccessRules::forget() {
  std::unique_lock lock(mutex_);
  ++generation_;
  known_.clear();
}

}  // namespace ionian::services
