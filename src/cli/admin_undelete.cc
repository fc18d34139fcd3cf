#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string id, name, environment;
  bool list = false;
};

void list(const Options& options) {
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (DeletedListRequest request;;) {
    const auto page = ask_server<DeletedListResponse>(options, "DeletedList", request);
    if (page.deleted().empty()) break;
    for (const auto& d : page.deleted()) {
      const double deleted = static_cast<double>(d.deleted_at_ms()) / 1000;
      const double until = static_cast<double>(d.until_ms()) / 1000;
      if (options.json)
        all.push_back({{"id", d.id()},
                       {"kind", d.kind()},
                       {"workspace", d.workspace()},
                       {"environment", d.environment()},
                       {"name", d.name()},
                       {"deleted_at", time_json(deleted)},
                       {"until", time_json(until)}});
      else
        rows.push_back({d.id(), d.kind(), d.name(), d.environment(), d.workspace(),
                        time_text(deleted), time_text(until)});
    }
    request.set_below(page.deleted().rbegin()->number());
  }
  if (options.json) return print_json(all);
  print_table({"Id", "Kind", "Name", "Environment", "Workspace", "Deleted", "Until"}, rows);
}

void undelete(const Options& options) {
  if (options.list == !options.id.empty()) die("give the id of what shall come back, or --list");
  if (options.list) return list(options);
  UndeleteRequest request;
  request.set_id(options.id);
  request.set_name(options.name);
  request.set_environment(options.environment);
  const auto reply = ask_server<UndeleteResponse>(options, "Undelete", request);
  if (options.json)
    return print_json(
        Json{{"kind", reply.kind()}, {"name", reply.name()}, {"environment", reply.environment()}});
  print_done(cat("The ", reply.kind(), " ", reply.name(), " is back in environment ",
                 reply.environment()));
}

}  // namespace

void add_admin_undelete(Command admin) {
  const auto options = std::make_shared<Options>();
  Command command = admin.add_subcommand("undelete", "Bring back what was deleted");
  command.add_option("ID", options->id, "Of a dict, queue, volume or secret");
  command.add_flag("--list", options->list, "Show what can come back");
  command.add_option("--name", options->name, "A name for it, if its own is taken");
  command.add_option("--environment", options->environment,
                     "An environment of its workspace, if its own is gone");
  finish_admin(command, kAdminUndeletePage, options, undelete);
}

}  // namespace ionian::cli
