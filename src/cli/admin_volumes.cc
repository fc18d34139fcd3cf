#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

void check(const AdminOptions& options) {
  VolumesCheckRequest request;
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> problems;
  for (bool done = false; !done;) {
    const auto reply = ask_server<VolumesCheckResponse>(options, "VolumesCheck", request, 1h);
    files += reply.files();
    bytes += reply.bytes();
    problems.insert(problems.end(), reply.problems().begin(), reply.problems().end());
    request.set_after_workspace(reply.last_workspace());
    request.set_after_content(reply.last_content());
    done = reply.done();
  }
  if (options.json)
    std::cout << Json{{"files", files}, {"bytes", bytes}, {"problems", problems}}.dump() << "\n";
  else
    for (const std::string& problem : problems) std::cout << problem << "\n";
  if (!problems.empty())
    die(cat(problems.size(), " of ", files,
            " files of volumes are damaged. Put those that are named into their volumes anew, for "
            "example with `modal volume put --force`, or remove them there"));
  if (!options.json)
    print_done(cat("All ", files, " files of volumes are what was stored (", bytes, " bytes)"));
}

}  // namespace

void add_admin_volumes(Command admin) {
  Command volumes = admin.add_subcommand("volumes", "The bytes of volumes");
  volumes.require_subcommand();
  const auto options = std::make_shared<AdminOptions>();
  Command command =
      volumes.add_subcommand("check", "Read every block of every volume and prove it by its hash");
  finish_admin(command, kAdminVolumesPage, options, check);
}

}  // namespace ionian::cli
