#include <fmt/core.h>

#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

void show_status(const AdminOptions& options) {
  const auto s = ask_server<StatusResponse>(options, "Status", StatusRequest());
  const Json fields = {{"version", s.version()},
                       {"started_at", time_json(static_cast<double>(s.started_at_ms()) / 1000)},
                       {"grpc_url", s.grpc_url()},
                       {"http_url", s.http_url()},
                       {"containers", s.tasks()},
                       {"inputs", s.inputs()},
                       {"calls_served", s.calls()},
                       {"network", s.network_warning().empty() ? "yes" : s.network_warning()}};
  if (options.json) return void(std::cout << fields.dump() << "\n");
  for (const auto& [key, value] : fields.items())
    fmt::print("{:<14} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

void add_admin_status(Command admin) {
  finish_admin(admin.add_subcommand("status", "What the running server is doing"), kAdminStatusPage,
               std::make_shared<AdminOptions>(), show_status);
}

}  // namespace ionian::cli
