#pragma once
// The library's own log lines, on stderr, as the settings loglevel, log_format and log_pattern say.
#include <string>
#include <string_view>

namespace ionian::client {

enum class LogLevel {
  kNotSet = 0,
  kDebug = 10,
  kInfo = 20,
  kWarning = 30,
  kError = 40,
  kCritical = 50
};
// Of the names that the setting loglevel takes; kWarning for any other.
LogLevel log_level_of(std::string_view name);

struct LogStyle {
  LogLevel least = LogLevel::kWarning;
  bool json = false;
  std::string pattern;  // as Python's logging writes them, %(asctime)s %(levelname)s %(message)s …
};
// A line without its end.
std::string log_line(const LogStyle& style, LogLevel level, std::string_view message);
// Writes the line if the style wants that level.
void log_write(const LogStyle& style, LogLevel level, std::string_view message);

}  // namespace ionian::client
