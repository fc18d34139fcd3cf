#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <thread>

#include "cli/output.h"
#include "cli/pages.h"
#include "cli/profile.h"
#include "cli/server.h"
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

constexpr const char* kRefused = "Unknown (authentication failure)";
constexpr const char* kLate = "Unknown (timed out)";
constexpr const char* kWrong = "Unknown (profile misconfigured)";

std::string look_up(client::SessionOptions options) {
  client::Session server(std::move(options));
  const auto answer = server.try_call("WorkspaceNameLookup", "",
                                      {.timeout = kAnswerWithin,
                                       .retry = client::CallOptions::Retry::kNever,
                                       .explain = client::CallOptions::Explain::kBriefly});
  modal::client::WorkspaceNameLookupResponse reply;
  if (answer) return reply.ParseFromString(answer->body) ? reply.username() : kWrong;
  const Code code = answer.error().status.code;
  if (code == Code::kUnauthenticated) return kRefused;
  return code == Code::kDeadlineExceeded ? kLate : kWrong;
}

std::string workspace_of(const std::string& profile) {
  try {
    const auto get = [&](std::string_view key) { return config().get(key, profile, false); };
    client::SessionOptions options{.token_id = get("token_id").value_or(""),
                                   .token_secret = get("token_secret").value_or(""),
                                   .server_url = get("server_url")};
    if (options.token_id->empty() || options.token_secret->empty()) return kRefused;
    return look_up(std::move(options));
  } catch (const InvalidError&) {
    return kWrong;  // a setting has a value that it cannot take
  }
}

std::vector<Row> look_up_all() {
  std::vector<Row> rows;
  for (const std::string& name : config().profiles())
    rows.push_back({name, "", name == config().profile()});
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < rows.size(); i = next++) {
      rows[i].workspace = workspace_of(rows[i].name);
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
    return look_up({});
  } catch (const AuthError&) {
    return kRefused;
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
  Json out = Json::array();
  for (const Row& row : rows)
    out.push_back({{"name", row.name}, {"workspace", row.workspace}, {"active", row.active}});
  print_json(out);
}

}  // namespace

void add_profile_list(Command profile) {
  auto json = std::make_shared<bool>(false);
  add_command(profile, "list", "Show all profiles, their workspaces, and which is in use",
              kProfilePage, [json] { list(*json); })
      .add_flag("--json", *json, "Print JSON");
}

}  // namespace ionian::cli
