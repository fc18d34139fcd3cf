#pragma once
// What `ionian doctor` looks at, step by step, and what it found.
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace ionian::cli {

struct Finding {
  enum class Verdict { kGood, kWarning, kBad, kSkipped } verdict = Verdict::kGood;
  std::string check, text;
  std::string mend;  // of kWarning and kBad
};

class Report {
 public:
  void good(std::string_view check, std::string text);
  void warn(std::string_view check, std::string text, std::string mend);
  void bad(std::string_view check, std::string text, std::string mend);
  // Not looked at, because what it needs failed.
  void skip(std::string_view check, std::string_view because);

  const std::vector<Finding>& findings() const { return findings_; }
  bool healthy() const;

 private:
  std::vector<Finding> findings_;
};

// On this machine: file, permissions, profile, credentials, address. False: without them no server
// can be asked.
bool check_settings(Report& report);
// Name, connection, TLS, protocol of each URL. False: none can be reached.
bool check_reach(Report& report);
// Token, clock, workspace, environment.
void check_token(Report& report);

}  // namespace ionian::cli
