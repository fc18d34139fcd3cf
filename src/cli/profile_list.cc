#include <fmt/core.h>
#include <google/protobuf/empty.pb.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/pages.h"
#include "cli/profile.h"
#include "cli/server_call.h"
#include "cli/settings.h"
#include "modal_proto/workspace.pb.h"

namespace ionian::cli {
namespace {

constexpr std::size_t kCallsAtOnceMax = 32;
constexpr Duration kAnswerWithin = 3s;

struct Row {
  std::string name, workspace;
  bool active = false;
};

std::string unknown(const Status& status) {
  if (status.code == Code::kUnauthenticated) return "Unknown (authentication failure)";
  if (status.code == Code::kDeadlineExceeded) return "Unknown (timed out)";
  return "Unknown (profile misconfigured)";
}

std::string look_up(const ServerAccess& server) {
  if (server.token_id.empty() || server.token_secret.empty())
    return "Unknown (authentication failure)";
  modal::client::WorkspaceNameLookupResponse reply;
  Result<void> done =
      call_server(server, "WorkspaceNameLookup", google::protobuf::Empty(), reply, kAnswerWithin);
  return done ? reply.username() : unknown(done.error());
}

// nullopt: a setting of the profile has a value that it cannot take.
std::optional<ServerAccess> access_of(const std::string& profile) {
  try {
    const auto get = [&](std::string_view key) {
      return config().get(key, profile, false).value_or("");
    };
    return ServerAccess{get("server_url"), config().origin("server_url", profile, false).str(),
                        get("token_id"), get("token_secret")};
  } catch (const InvalidError&) {
    return std::nullopt;
  }
}

std::vector<Row> look_up_all() {
  std::vector<Row> rows;
  for (const std::string& name : config().profiles())
    rows.push_back({name, "", name == config().profile()});
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < rows.size(); i = next++) {
      const std::optional<ServerAccess> server = access_of(rows[i].name);
      rows[i].workspace = server ? look_up(*server) : "Unknown (profile misconfigured)";
    }
  };
  {
    std::vector<std::jthread> threads;
    while (threads.size() < std::min(rows.size(), kCallsAtOnceMax)) threads.emplace_back(work);
  }
  return rows;
}

// The workspace of the credentials in the environment, if there are any.
std::string workspace_by_environment() {
  if (credential_variables().empty()) return "";
  try {
    return look_up(configured_access());
  } catch (const AuthError&) {
    return "Unknown (authentication failure)";
  } catch (const InvalidError&) {
    return "Unknown (invalid credential configuration)";
  }
}

void print_table(const std::vector<Row>& rows, const std::string& by_environment) {
  const bool colour = colour_wanted(STDOUT_FILENO);
  std::size_t width = 7;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  std::cout << "  " << fmt::format("{:<{}}", "Profile", width) << "   Workspace\n";
  for (const Row& row : rows) {
    const char* style = !colour                  ? ""
                        : !row.active            ? "\x1b[2m"
                        : by_environment.empty() ? "\x1b[1;32m"
                                                 : "\x1b[33m";
    std::cout << style << (row.active ? "• " : "  ") << fmt::format("{:<{}}", row.name, width)
              << "   " << row.workspace << (colour ? "\x1b[0m" : "") << "\n";
  }
  if (!by_environment.empty())
    std::cout << "Using " << by_environment << " workspace based on environment variables\n";
}

void list(bool json) {
  const std::vector<Row> rows = look_up_all();
  if (!json) return print_table(rows, workspace_by_environment());
  auto out = nlohmann::ordered_json::array();
  for (const Row& row : rows)
    out.push_back({{"name", row.name}, {"workspace", row.workspace}, {"active", row.active}});
  std::cout << out.dump(2) << "\n";
}

}  // namespace

void add_profile_list(CLI::App& profile) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      profile.add_subcommand("list", "Show all profiles, their workspaces, and which is in use");
  command->footer(std::string(kProfilePage));
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json] { run_with_settings([&] { list(*json); }); });
}

}  // namespace ionian::cli
