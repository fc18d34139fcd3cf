#include <algorithm>
#include <memory>

#include "base/cat.h"
#include "cli/environment.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "ionian/error.hpp"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

using Roles = modal::client::EnvironmentGetRolesResponse;

struct Listing {
  std::string environment;
  bool exclude_default = false, json = false;
};

struct Change {
  std::string environment, principal, role;
  bool service_user = false;
};

Roles roles_of(client::Session& server, const std::string& id) {
  modal::client::EnvironmentGetRolesRequest request;
  request.set_environment_id(id);
  return call<Roles>(server, "EnvironmentGetRoles", request);
}

void list(const Listing& options) {
  const auto server = configured_server();
  const Roles reply = roles_of(*server, environment_id(*server, options.environment));
  Json users = Json::object(), service_users = Json::object();
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : reply.principal_roles()) {
    if (options.exclude_default && !one.has_role_assignment()) continue;
    const bool person = !one.user_id().empty();
    if (!person && one.service_user_id().empty()) continue;
    const std::string& name = person ? one.user_name() : one.service_user_name();
    (person ? users : service_users)[name] = one.role_str();
    rows.push_back({person ? name : cat(name, " (service user)"), one.role_str()});
  }
  if (options.json) return print_json({{"users", users}, {"service_users", service_users}});
  std::ranges::sort(rows);
  print_table({"name", "role"}, rows);
}

void update(const Change& options) {
  const auto server = configured_server();
  const std::string id = environment_id(*server, options.environment);
  modal::client::EnvironmentRoleSetRequest request;
  request.set_environment_id(id);
  request.set_role_str(options.role);
  const Roles roles = roles_of(*server, id);
  for (const auto& one : roles.principal_roles()) {
    if (options.service_user && one.service_user_name() == options.principal)
      request.set_service_user_id(one.service_user_id());
    if (!options.service_user && one.user_name() == options.principal)
      request.set_user_id(one.user_id());
  }
  const std::string kind = options.service_user ? "service user" : "user";
  if (request.user_id().empty() && request.service_user_id().empty())
    die(cat("this workspace has no ", kind, " named '", options.principal, "'"));
  call(*server, "EnvironmentRoleSet", request);
  print_done(cat("Set ", kind, " '", options.principal, "' to role '", options.role,
                 "' in environment '", options.environment, "'"));
}

}  // namespace

void add_environment_roles(Command environment) {
  Command group = add_group(environment, "roles", "Who may do what in an environment");
  auto listing = std::make_shared<Listing>();
  Command shown = add_command(group, "list", "Show the role of each user and service user",
                              kEnvironmentRolesPage, [listing] { list(*listing); });
  shown.add_option("ENVIRONMENT", listing->environment, "Its name").required();
  shown.add_flag("--exclude-default", listing->exclude_default, "Only roles given one by one");
  shown.add_flag("--json", listing->json, "Print JSON");
  auto change = std::make_shared<Change>();
  Command changed = add_command(group, "update", "Give a user or service user another role",
                                kEnvironmentRolesPage, [change] { update(*change); });
  changed.add_option("ENVIRONMENT", change->environment, "Its name").required();
  changed.add_option("PRINCIPAL", change->principal, "The user's name").required();
  changed.add_option("--role", change->role, "The role")
      .required()
      .one_of({"contributor", "viewer", "no-access"});
  changed.add_flag("--service-user", change->service_user, "PRINCIPAL is a service user");
}

}  // namespace ionian::cli
