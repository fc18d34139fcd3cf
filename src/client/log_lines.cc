#include "client/log_lines.h"

#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"

namespace ionian::client {
namespace {

constexpr std::string_view kName = "ionian-client";
constexpr std::string_view kPattern = "[ionian-client] %(asctime)s %(message)s";

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kNotSet:
      return "NOTSET";
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kCritical:
      return "CRITICAL";
  }
  return "?";
}

std::string now_text() {
  const auto now = static_cast<std::time_t>(to_unix_ms(SystemClock().now()) / 1000);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts)};
}

// nullopt: no field that a line of ours has.
std::optional<std::string> field(std::string_view name, LogLevel level, std::string_view message) {
  if (name == "message") return std::string(message);
  if (name == "asctime") return now_text();
  if (name == "levelname") return std::string(name_of(level));
  if (name == "levelno") return cat(static_cast<int>(level));
  if (name == "name") return std::string(kName);
  if (name == "process") return cat(::getpid());
  return std::nullopt;
}

// Whether the text before `end` is a conversion's last letter is decided by Python's forms that we
// take: %(name)s and %(name)d.
std::string fill(std::string_view pattern, LogLevel level, std::string_view message) {
  std::string out;
  while (!pattern.empty()) {
    const std::size_t close = pattern.find(')');
    std::optional<std::string> value;
    if (pattern.starts_with("%(") && close + 1 < pattern.size())
      value = field(pattern.substr(2, close - 2), level, message);
    if (value) {
      out += *value;
      pattern.remove_prefix(close + 2);
    } else {
      out += pattern.front();
      pattern.remove_prefix(pattern.starts_with("%%") ? 2 : 1);
    }
  }
  return out;
}

}  // namespace

LogLevel log_level_of(std::string_view name) {
  if (name == "WARN") return LogLevel::kWarning;
  if (name == "FATAL") return LogLevel::kCritical;
  for (const LogLevel level : {LogLevel::kNotSet, LogLevel::kDebug, LogLevel::kInfo,
                               LogLevel::kError, LogLevel::kCritical})
    if (name == name_of(level)) return level;
  return LogLevel::kWarning;
}

std::string log_line(const LogStyle& style, LogLevel level, std::string_view message) {
  if (!style.json)
    return fill(style.pattern.empty() ? kPattern : std::string_view(style.pattern), level, message);
  return nlohmann::ordered_json{
      {"asctime", now_text()}, {"levelname", name_of(level)}, {"name", kName}, {"message", message}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void log_write(const LogStyle& style, LogLevel level, std::string_view message) {
  if (level >= style.least)
    (void)write_all(STDERR_FILENO, cat(log_line(style, level, message), "\n"));
}

}  // namespace ionian::client
