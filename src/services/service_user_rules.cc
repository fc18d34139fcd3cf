#include "services/service_user_rules.h"

#include "services/environment_rules.h"

namespace ionian::services {
namespace {

Result<void> check_name(std::string_view name) {
  bool fits = !name.empty() && name.size() <= 64;
  for (char c : name)
    fits =
        fits && (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.');
  if (fits) return {};
  return fail(Code::kInvalidArgument, "'", name,
              "' cannot be a service user's name: 1 to 64 letters, digits, -, _ and .");
}

}  // namespace

Result<MadeServiceUser> ServiceUserRules::create(store::Tx& tx, const Actor& actor,
                                                 const NewServiceUser& wanted) const {
  TRY(needs_manager(actor, "making service users"));
  TRY(check_name(wanted.name));
  if (store::find_service_user(tx, actor.workspace, wanted.name))
    return fail(Code::kAlreadyExists, "service user '", wanted.name, "' already exists");
  MadeServiceUser made{.user = {.id = ServiceUserId::make(random_, actor.now),
                                .workspace = actor.workspace,
                                .name = wanted.name,
                                .created_by = UserId(actor.principal),
                                .created_at = actor.now}};
  store::insert_service_user(tx, made.user);
  auto [pair, token] =
      identity_.make_token(random_, actor.workspace, made.user.id.str(), made.user.name);
  token.expires_at = wanted.expires_at;
  store::insert_token(tx, token);
  made.pair = std::move(pair);
  audit(tx, actor, "service_user.create", made.user.name, token.id.str());
  for (const auto& [environment, role] : wanted.roles) {
    const auto env = store::find_environment(tx, actor.workspace, environment);
    if (!env)
      return fail(Code::kNotFound, "environment '", environment, "' not found in this workspace");
    TRY(EnvironmentRules::set_role(tx, actor, *env, made.user.id.str(), role));
  }
  return made;
}

Result<store::ServiceUser> ServiceUserRules::remove(store::Tx& tx, const Actor& actor,
                                                    std::string_view name_or_id) {
  TRY(needs_manager(actor, "deleting service users"));
  const auto user = store::find_service_user(tx, actor.workspace, name_or_id);
  if (!user) return fail(Code::kNotFound, "service user '", name_or_id, "' not found");
  store::delete_service_user(tx, user->id, actor.now);
  audit(tx, actor, "service_user.delete", user->name);
  return *user;
}

}  // namespace ionian::services
