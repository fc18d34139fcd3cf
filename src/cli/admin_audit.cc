#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string since, workspace;
};

// "12h", "7d": that long ago. "2026-11-22" or "2026-11-22T14:00:00Z": that moment.
std::int64_t since_ms(const std::string& text) {
  if (text.empty()) return 0;
  if (const auto seconds = parse_duration(text, Bare::kRefused))
    return to_unix_ms(SystemClock().now()) - std::int64_t{1000} * *seconds;
  std::tm t = {};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &t);
  if (rest && (*rest == 'T' || *rest == ' ')) rest = ::strptime(rest + 1, "%H:%M:%S", &t);
  if (!rest || (*rest && std::string_view(rest) != "Z"))
    die("--since takes 30m, 12h, 7d, 2026-11-22 or 2026-11-22T14:00:00Z");
  return std::int64_t{1000} * ::timegm(&t);
}

Json row_of(const AuditResponse::Entry& e) {
  return {{"number", e.number()},         {"at", time_json(static_cast<double>(e.at_ms()) / 1000)},
          {"workspace", e.workspace()},   {"actor", e.actor()},
          {"actor_name", e.actor_name()}, {"token", e.token().empty() ? Json() : Json(e.token())},
          {"source", e.source()},         {"action", e.action()},
          {"target", e.target()},         {"detail", e.detail()}};
}

void audit(const Options& options) {
  AuditRequest request;
  request.set_since_ms(since_ms(options.since));
  request.set_workspace(options.workspace);
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (;;) {
    const auto page = ask_server<AuditResponse>(options, "Audit", request);
    if (page.entries().empty()) break;
    for (const auto& e : page.entries()) {
      if (options.json)
        all.push_back(row_of(e));
      else
        rows.push_back({time_text(static_cast<double>(e.at_ms()) / 1000), e.workspace(),
                        e.actor_name(), e.action(), e.target(), e.source(), e.detail()});
    }
    request.set_below(page.entries().rbegin()->number());
  }
  if (options.json) return print_json(all);
  print_table({"When", "Workspace", "Who", "What", "Which", "From", "Detail"}, rows);
}

}  // namespace

void add_admin_audit(Command admin) {
  const auto options = std::make_shared<Options>();
  Command command =
      admin.add_subcommand("audit", "Every change of identity or access, newest first");
  command.add_option("--since", options->since, "30m, 12h, 7d, or a day or time in UTC");
  command.add_option("--workspace", options->workspace, "Only this one");
  finish_admin(command, kAdminAuditPage, options, audit);
}

}  // namespace ionian::cli
