#include <iostream>
#include <memory>

#include "base/cat.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/workspace.h"
#include "ionian/error.hpp"
#include "modal_proto/common.pb.h"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

using User = modal::client::ServiceUser;

struct Options {
  std::string name, environment, role;
  std::optional<std::string> expires_in;
  bool json = false, allow_missing = false, yes = false;
};

void create(const Options& options) {
  modal::client::ServiceUserCreateRequest request;
  request.set_name(options.name);
  if (options.expires_in) {
    const auto seconds = parse_duration(*options.expires_in, Bare::kSeconds);
    if (!seconds) die_of_usage("--expires-in takes a length of time, like 3600, 30m, 12h or 7d");
    request.set_expires_in_seconds(*seconds);
  }
  const auto reply = call<modal::client::ServiceUserCreateResponse>(*configured_server(),
                                                                    "ServiceUserCreate", request);
  const auto expires = static_cast<double>(reply.expires_at().seconds());
  if (options.json)
    return print_json({{"token_id", reply.token_id()},
                       {"token_secret", reply.token_secret()},
                       {"expires_at", options.expires_in ? time_json(expires) : Json()}});
  print_done(cat("Created the service user ", options.name,
                 options.expires_in ? cat(", which ends at ", time_text(expires)) : ""));
  std::cout << "\nThe secret is shown this once. Programs take the pair from two variables:\n\n"
            << "  export MODAL_TOKEN_ID=" << reply.token_id() << "\n"
            << "  export MODAL_TOKEN_SECRET=" << reply.token_secret() << "\n";
}

Json roles_json(const User& user) {
  Json out = Json::object();
  for (const auto& role : user.environment_roles()) out[role.environment_name()] = role.role_str();
  return out;
}

Json user_json(const User& user) {
  return {{"name", user.name()},
          {"service_user_id", user.service_user_id()},
          {"token_id", user.token_id()},
          {"created_by", user.created_by()},
          {"created_at", time_json(user.created_at())},
          {"last_used_at", time_json(user.last_used_at())},
          {"expires_at", time_json(user.expires_at())},
          {"environment_roles", roles_json(user)}};
}

void list(const Options& options) {
  const auto reply =
      call<modal::client::ServiceUserListResponse>(*configured_server(), "ServiceUserList");
  if (options.json) {
    Json out = Json::array();
    for (const User& user : reply.service_users()) out.push_back(user_json(user));
    return print_json(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const User& user : reply.service_users())
    rows.push_back({user.name(), user.token_id(), user.created_by(), time_text(user.expires_at())});
  print_table({"Name", "Token ID", "Created By", "Expires"}, rows);
}

User find(client::Session& server, const std::string& name) {
  modal::client::ServiceUserInfoRequest request;
  request.set_service_user_name(name);
  return call<modal::client::ServiceUserInfoResponse>(server, "ServiceUserInfo", request)
      .service_user();
}

void info(const Options& options) {
  const User user = find(*configured_server(), options.name);
  if (options.json) return print_json(user_json(user));
  std::vector<std::vector<std::string>> rows = {{"Service User ID", user.service_user_id()},
                                                {"Token ID", user.token_id()},
                                                {"Created By", user.created_by()},
                                                {"Created At", time_text(user.created_at())},
                                                {"Last Used", time_text(user.last_used_at())},
                                                {"Expires", time_text(user.expires_at())}};
  bool any = false;
  for (const auto& role : user.environment_roles()) {
    if (role.role_str() == "no-access") continue;
    any = true;
    rows.push_back({cat("In ", role.environment_name()), role.role_str()});
  }
  print_table({"Name", user.name()}, rows);
  if (!any)
    std::cout
        << "It has no role in any environment yet: `ionian workspace service-users set-role`\n";
}

void set_role(const Options& options) {
  const auto server = configured_server();
  std::string before = "no-access";
  const User user = find(*server, options.name);
  for (const auto& role : user.environment_roles())
    if (role.environment_name() == options.environment) before = role.role_str();
  modal::client::EnvironmentRoleSetRequest request;
  request.set_service_user_name(options.name);
  request.set_environment_id(environment_id(*server, options.environment));
  request.set_role_str(options.role);
  call(*server, "EnvironmentRoleSet", request);
  if (before == options.role)
    std::cout << "The service user " << options.name << " has the role " << before << " in "
              << options.environment << " already.\n";
  else
    print_done(cat("Role of the service user ", options.name, " in ", options.environment, ": ",
                   options.role, ", before: ", before));
}

void remove(const Options& options) {
  confirm(cat("Delete the service user '", options.name, "' and its token for good?"),
          options.yes ? Confirm::kYes : Confirm::kAsk);
  modal::client::ServiceUserDeleteRequest request;
  request.set_service_user_name(options.name);
  try {
    call(*configured_server(), "ServiceUserDelete", request);
  } catch (const NotFoundError&) {
    if (!options.allow_missing) throw;
  }
  print_done(cat("Deleted Service User `", options.name, "`."));
}

}  // namespace

void add_service_users(Command workspace) {
  Command group = add_group(workspace, "service-users", "Users that are programs");
  const auto add = [&](const char* name, const char* description, void (*action)(const Options&)) {
    auto options = std::make_shared<Options>();
    Command command = add_command(group, name, description, kServiceUsersPage,
                                  [options, action] { action(*options); });
    return std::pair(command, options);
  };
  const auto [creating, created] = add("create", "Make one, and print its token once", create);
  creating.add_option("NAME", created->name, "Its name").required();
  creating.add_option("--expires-in", created->expires_in, "Its life: 3600, 30m, 12h, 7d");
  creating.add_flag("--json", created->json, "Print JSON");
  const auto [listing, listed] = add("list", "Show the workspace's service users", list);
  listing.add_flag("--json", listed->json, "Print JSON");
  const auto [showing, shown] = add("info", "Show one, with its roles", info);
  showing.add_option("NAME", shown->name, "Its name").required();
  showing.add_flag("--json", shown->json, "Print JSON");
  const auto [setting, set] = add("set-role", "Give one a role in an environment", set_role);
  setting.add_option("NAME", set->name, "Its name").required();
  setting.add_option("ENVIRONMENT", set->environment, "Where").required();
  setting.add_option("ROLE", set->role, "contributor, viewer or no-access").required();
  const auto [deleting, deleted] = add("delete", "End one and its token for good", remove);
  deleting.add_option("NAME", deleted->name, "Its name").required();
  deleting.add_flag("--allow-missing", deleted->allow_missing, "No error if there is none");
  deleting.add_flag("-y,--yes", deleted->yes, "Do not ask");
}

}  // namespace ionian::cli
