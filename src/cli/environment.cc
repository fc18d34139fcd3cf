#include "cli/environment.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "modal_proto/environment.pb.h"

namespace ionian::cli {
namespace {

constexpr std::size_t kNameMax = 64;

void list(bool json) {
  const auto server = configured_server();
  const auto reply = call<modal::client::EnvironmentListResponse>(*server, "EnvironmentList");
  std::string active = config().environment().value_or("");
  for (const auto& item : reply.items())
    if (item.default_() && active.empty()) active = item.name();
  if (json) {
    Json out = Json::array();
    for (const auto& item : reply.items())
      out.push_back(
          {{"name", item.name()},
           {"web_suffix", item.webhook_suffix()},
           {"image_builder_version",
            item.has_image_builder_version() ? Json(item.image_builder_version()) : Json()},
           // A text, as scripts know it from the official command.
           {"active", item.name() == active ? "True" : "False"}});
    return print_json(out);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& item : reply.items())
    rows.push_back({item.name(), item.webhook_suffix(), item.image_builder_version(),
                    item.name() == active ? "True" : "False"});
  print_table({"name", "web suffix", "image builder version", "active"}, rows);
}

void check_name(const std::string& name) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const auto allowed = [&](char c) { return letter(c) || c == '-' || c == '_'; };
  const bool good = !name.empty() && name.size() <= kNameMax && letter(name.front()) &&
                    std::ranges::all_of(name, allowed) && !(name.starts_with("en-"));
  if (!good)
    die(cat("'", name,
            "' cannot be an environment's name: 1 to 64 letters, digits, dashes and "
            "underscores, the first a letter or digit, and not beginning with en-"));
}

struct Creation {
  std::string name, default_role;
  bool restricted = false, is_public = false;
};

void create(const Creation& options) {
  check_name(options.name);
  modal::client::EnvironmentCreateRequest request;
  request.set_name(options.name);
  request.set_is_managed(options.restricted);
  request.set_default_member_role_str(options.default_role);
  if (options.is_public) request.set_environment_type(modal::client::ENVIRONMENT_TYPE_PUBLIC);
  call(*configured_server(), "EnvironmentCreate", request);
  print_done(cat(options.is_public    ? "Public "
                 : options.restricted ? "Restricted "
                                      : "",
                 "Environment created: ", options.name));
}

struct Change {
  std::string name;
  std::optional<std::string> new_name, web_suffix, builder_version;
};

void update(const Change& options) {
  if (!options.new_name && !options.web_suffix && !options.builder_version)
    die_of_usage(
        "nothing to change: give --set-name, --set-web-suffix or "
        "--set-image-builder-version");
  modal::client::EnvironmentUpdateRequest request;
  request.set_current_name(options.name);
  if (options.new_name && *options.new_name != options.name) check_name(*options.new_name);
  if (options.new_name) request.mutable_name()->set_value(*options.new_name);
  if (options.web_suffix) request.mutable_web_suffix()->set_value(*options.web_suffix);
  if (options.builder_version) request.set_image_builder_version(*options.builder_version);
  call(*configured_server(), "EnvironmentUpdate", request);
  print_done("Environment updated");
}

void remove(const std::string& name, Confirm how) {
  const auto server = configured_server();
  // That it does not exist is said before the question.
  if (how == Confirm::kAsk) environment_id(*server, name);
  confirm(cat("Delete the environment '", name,
              "' and all its Apps, Secrets, Volumes, Dicts and Queues, for good?"),
          how);
  modal::client::EnvironmentDeleteRequest request;
  request.set_name(name);
  call(*server, "EnvironmentDelete", request);
  print_done(cat("Environment deleted: ", name));
}

void add_create(Command group) {
  auto options = std::make_shared<Creation>();
  Command command = add_command(group, "create", "Make an environment in the workspace",
                                kEnvironmentPage, [options] { create(*options); });
  command.add_option("NAME", options->name, "Its name").required();
  command.add_flag("--restricted", options->restricted, "Only those with a role in it may use it");
  command.add_option("--default-role", options->default_role,
                     "The role that members have in a restricted one");
  command.add_flag("--public", options->is_public).hide();
}

void add_update(Command group) {
  auto options = std::make_shared<Change>();
  Command command = add_command(group, "update", "Change an environment's settings",
                                kEnvironmentPage, [options] { update(*options); });
  command.add_option("CURRENT_NAME", options->name, "As `environment list` shows it").required();
  command.add_option("--set-name", options->new_name, "A new name");
  command.add_option("--set-web-suffix", options->web_suffix,
                     "A new suffix of its web addresses; empty for none");
  command.add_option("--set-image-builder-version", options->builder_version,
                     "A version; empty for the workspace's");
}

}  // namespace

void add_environment(Command app) {
  Command group = add_group(app, "environment", "The environments of the workspace");
  auto json = std::make_shared<bool>(false);
  add_command(group, "list", "Show the workspace's environments", kEnvironmentPage, [json] {
    list(*json);
  }).add_flag("--json", *json, "Print JSON");
  add_create(group);
  add_update(group);
  auto name = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  Command deletion =
      add_command(group, "delete", "Delete an environment and all that is in it", kEnvironmentPage,
                  [name, yes] { remove(*name, *yes ? Confirm::kYes : Confirm::kAsk); });
  deletion.add_option("NAME", *name, "As `environment list` shows it").required();
  deletion.add_flag("-y,--yes", *yes, "Do not ask");
  add_environment_roles(group);
}

}  // namespace ionian::cli
