#pragma once
// What the commands of `ionian admin` have in common: they speak to the running server of a data
// folder.
#include <memory>
#include <string>
#include <string_view>

#include "cli/admin_client.h"
#include "cli/command.h"
#include "cli/output.h"

namespace ionian::cli {

struct AdminOptions {
  std::string data;
  bool json = false;
};

// Ends the command with the server's error.
template <class Reply, class Request>
Reply ask_server(const AdminOptions& options, std::string_view method, const Request& request,
                 Duration timeout = 10s) {
  Reply reply;
  if (Result<void> done = call_admin(options.data, method, request, reply, timeout); !done)
    die(done.error().message);
  return reply;
}

// Adds --data and --json, the page, and what the command does.
template <class Options>
void finish_admin(Command command, std::string_view page, std::shared_ptr<Options> options,
                  void (*action)(const Options&)) {
  command.footer(page);
  command.add_option("--data", options->data, "The server's data folder").required();
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([options, action] { action(*options); });
}

void add_admin_token(Command admin);
void add_admin_workspace(Command admin);
void add_admin_people(Command admin);
void add_admin_audit(Command admin);
void add_admin_backup(Command admin);
void add_admin_status(Command admin);
void add_admin_volumes(Command admin);
void add_admin_undelete(Command admin);

}  // namespace ionian::cli
