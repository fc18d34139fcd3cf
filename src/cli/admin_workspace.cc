#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string name, owner;
};

void create(const Options& options) {
  WorkspaceCreateRequest request;
  request.set_name(options.name);
  request.set_owner(options.owner);
  const auto reply = ask_server<WorkspaceCreateResponse>(options, "WorkspaceCreate", request);
  if (options.json)
    return print_json(
        {{"workspace_id", reply.workspace_id()},
         {"name", options.name},
         {"password_url", reply.password_url().empty() ? Json() : Json(reply.password_url())}});
  print_done(cat("Made the workspace ", options.name));
  if (!reply.password_url().empty())
    std::cout << "Its owner is new here. Pass this link to " << options.owner
              << " (works once, for 7 days): " << reply.password_url() << "\n";
}

void list(const Options& options) {
  const auto reply =
      ask_server<WorkspaceListResponse>(options, "WorkspaceList", WorkspaceListRequest());
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& w : reply.workspaces()) {
    std::string owners;
    for (const std::string& owner : w.owners()) owners += (owners.empty() ? "" : ", ") + owner;
    json.push_back({{"workspace_id", w.workspace_id()},
                    {"name", w.name()},
                    {"owners", std::vector<std::string>(w.owners().begin(), w.owners().end())},
                    {"members", w.members()},
                    {"environments", w.environments()}});
    rows.push_back(
        {w.name(), owners, std::to_string(w.members()), std::to_string(w.environments())});
  }
  if (options.json) return print_json(json);
  print_table({"Name", "Owners", "Members", "Environments"}, rows);
}

}  // namespace

void add_admin_workspace(Command admin) {
  const auto options = std::make_shared<Options>();
  Command workspace = admin.add_subcommand("workspace", "The workspaces of this server");
  workspace.require_subcommand();
  Command one = workspace.add_subcommand("create", "Make a workspace with an environment");
  one.add_option("NAME", options->name, "Lower-case letters, digits and dashes").required();
  one.add_option("--owner", options->owner, "Name or email (default: the server's first owner)");
  finish_admin(one, kAdminWorkspacePage, options, create);
  finish_admin(workspace.add_subcommand("list", "List the workspaces"), kAdminWorkspacePage,
               options, list);
}

}  // namespace ionian::cli
