#include "cli/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "server/version.h"

namespace ionian::cli {
namespace {

using Verdict = Finding::Verdict;

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kBad:
      return "failed";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "?";
}

std::string mark(Verdict verdict, bool colour) {
  constexpr std::string_view kColours[] = {"32", "33", "31", "2"};
  constexpr std::string_view kMarks[] = {"✓", "!", "✗", "-"};
  const auto i = static_cast<std::size_t>(verdict);
  return colour ? cat("\x1b[", kColours[i], "m", kMarks[i], "\x1b[0m") : std::string(kMarks[i]);
}

void print_text(const Report& report) {
  const bool colour = colour_wanted(STDOUT_FILENO);
  for (const Finding& one : report.findings()) {
    std::string check = one.check;
    check.resize(std::max<std::size_t>(check.size(), 12), ' ');
    std::cout << mark(one.verdict, colour) << " " << check << " " << one.text
              << (one.mend.empty() ? "" : cat(". ", one.mend)) << "\n";
  }
}

void print_as_json(const Report& report) {
  Json out = Json::array();
  for (const Finding& one : report.findings())
    out.push_back({{"check", one.check},
                   {"status", word(one.verdict)},
                   {"message", one.text},
                   {"mend", one.mend.empty() ? Json() : Json(one.mend)}});
  print_json(out);
}

void examine(bool json) {
  Report report;
  report.good("version", cat("ionian ", server::kVersion, ", which speaks as Modal's client ",
                             client::kProtocolVersion));
  const bool settings = check_settings(report);
  const bool reached = check_reach(report);
  if (settings && reached) {
    check_token(report);
  } else {
    for (const char* check : {"token", "clock", "workspace", "environment"})
      report.skip(check, reached ? "there are no credentials" : "the server cannot be reached");
  }
  json ? print_as_json(report) : print_text(report);
  if (!report.healthy()) throw Exit{1};
}

}  // namespace

void Report::good(std::string_view check, std::string text) {
  findings_.push_back({Verdict::kGood, std::string(check), std::move(text), ""});
}
void Report::warn(std::string_view check, std::string text, std::string mend) {
  findings_.push_back({Verdict::kWarning, std::string(check), std::move(text), std::move(mend)});
}
void Report::bad(std::string_view check, std::string text, std::string mend) {
  findings_.push_back({Verdict::kBad, std::string(check), std::move(text), std::move(mend)});
}
void Report::skip(std::string_view check, std::string_view because) {
  findings_.push_back({Verdict::kSkipped, std::string(check), cat("not looked at: ", because), ""});
}
bool Report::healthy() const {
  return std::ranges::none_of(findings_,
                              [](const Finding& one) { return one.verdict == Verdict::kBad; });
}

void add_doctor(Command app) {
  auto json = std::make_shared<bool>(false);
  Command command =
      app.add_subcommand("doctor", "Find out why a client here does not reach its server");
  command.footer(kDoctorPage);
  command.add_flag("--json", *json, "Print JSON");
  command.callback([json] { examine(*json); });
}

}  // namespace ionian::cli
