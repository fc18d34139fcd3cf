#include "services/environment_rules.h"

#include "services/access.h"
#include "services/roles.h"

namespace ionian::services {
namespace {

constexpr int kStopped = 5;  // modal.client.AppState

bool one_of(char c, std::string_view also) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         also.find(c) != std::string_view::npos;
}

Result<void> check_name(std::string_view name) {
  bool fits = !name.empty() && name.size() <= 64 && one_of(name[0], "") && !name.starts_with("en-");
  for (char c : name) fits = fits && one_of(c, "-_");
  if (fits) return {};
  return fail(Code::kInvalidArgument, "'", name,
              "' cannot be an environment's name: 1 to 64 letters, digits, - and _, a letter or "
              "digit first, "
              "not beginning with en-");
}

Result<void> check_role(std::string_view role) {
  if (environment_role_of(role)) return {};
  return fail(Code::kInvalidArgument, "'", role,
              "' is no role in an environment: contributor, viewer or no-access");
}

Result<void> check_free(store::View& view, const WorkspaceId& workspace, const std::string& name) {
  if (!store::find_environment(view, workspace, name)) return {};
  return fail(Code::kAlreadyExists, "environment '", name, "' already exists");
}

}  // namespace

Result<store::Environment> EnvironmentRules::create(store::Tx& tx, const Actor& actor,
                                                    Random& random, const NewEnvironment& wanted) {
  TRY(needs_manager(actor, "making environments"));
  TRY(check_name(wanted.name));
  TRY(check_free(tx, actor.workspace, wanted.name));
  store::Environment env{.id = EnvironmentId::make(random, actor.now),
                         .workspace = actor.workspace,
                         .name = wanted.name,
                         .web_suffix = wanted.name,
                         .image_builder_version = wanted.image_builder_version,
                         .restricted = wanted.restricted};
  if (!wanted.default_role.empty()) {
    TRY(check_role(wanted.default_role));
    env.default_role = wanted.default_role;
  }
  store::insert_environment(tx, env, actor.now);
  audit(tx, actor, "environment.create", env.name, env.restricted ? "restricted" : "");
  return env;
}

Result<store::Environment> EnvironmentRules::update(store::Tx& tx, const Actor& actor,
                                                    store::Environment env,
                                                    const EnvironmentChange& change) {
  TRY(needs_manager(actor, "changing environments"));
  const std::string before = env.name;
  if (change.name && *change.name != env.name) {
    TRY(check_name(*change.name));
    TRY(check_free(tx, actor.workspace, *change.name));
    env.name = *change.name;
  }
  if (change.web_suffix) env.web_suffix = *change.web_suffix;
  if (change.image_builder_version) env.image_builder_version = *change.image_builder_version;
  store::update_environment(tx, env);
  audit(tx, actor, "environment.update", before, env.name);
  return env;
}

Result<void> EnvironmentRules::removable(store::View& view, const store::Environment& env) {
  if (store::list_environments(view, env.workspace).size() == 1)
    return fail(Code::kFailedPrecondition, "environment '", env.name,
                "' is the workspace's last one");
  if (env.is_default)
    return fail(Code::kFailedPrecondition, "environment '", env.name,
                "' is the default one; make another the default first");
  if (!store::environment_is_empty(view, env.id, kStopped))
    return fail(Code::kFailedPrecondition, "apps are running in environment '", env.name,
                "'; stop them first");
  return {};
}

Result<void> EnvironmentRules::remove(store::Tx& tx, const Actor& actor,
                                      const store::Environment& env,
                                      const store::KeepDeleted& keep) {
  TRY(needs_manager(actor, "deleting environments"));
  TRY(removable(tx, env));
  store::delete_environment(tx, env.id, keep, actor.now);
  audit(tx, actor, "environment.delete", env.name);
  return {};
}

Result<store::Environment> EnvironmentRules::set_restricted(store::Tx& tx, const Actor& actor,
                                                            store::Environment env, bool restricted,
                                                            const std::string& default_role) {
  TRY(needs_manager(actor, "restricting environments"));
  if (!default_role.empty()) {
    TRY(check_role(default_role));
    env.default_role = default_role;
  }
  env.restricted = restricted;
  store::update_environment(tx, env);
  audit(tx, actor, restricted ? "environment.restrict" : "environment.open", env.name,
        env.default_role);
  return env;
}

Result<void> EnvironmentRules::make_default(store::Tx& tx, const Actor& actor,
                                            const store::Environment& env) {
  TRY(needs_manager(actor, "choosing the default environment"));
  store::set_default_environment(tx, actor.workspace, env.id);
  audit(tx, actor, "workspace.default_environment", env.name);
  return {};
}

Result<void> EnvironmentRules::set_role(store::Tx& tx, const Actor& actor,
                                        const store::Environment& env, const std::string& principal,
                                        const std::string& role) {
  TRY(needs_manager(actor, "giving roles in environments"));
  if (!role.empty()) TRY(check_role(role));
  const bool known = principal.starts_with("sv-")
                         ? store::find_service_user(tx, actor.workspace, principal).has_value()
                         : !store::member_role(tx, actor.workspace, UserId(principal)).empty();
  if (!known) return fail(Code::kNotFound, "user '", principal, "' is no member of this workspace");
  store::set_environment_role(tx, env.id, principal, role);
  audit(tx, actor, "environment.role", env.name, cat(principal, " ", role.empty() ? "-" : role));
  return {};
}

}  // namespace ionian::services
