#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

namespace ionian::log {
namespace {

std::atomic<Level> least_level{Level::kInfo};
std::atomic<Form> form_of_lines{Form::kText};

constexpr std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "?";
}

std::string timestamp() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

}  // namespace

void configure(Level least, Form form) {
  least_level = least;
  form_of_lines = form;
}

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view line) {
  std::string out;
  if (form_of_lines == Form::kJson) {
    const nlohmann::json object = {
        {"time", timestamp()}, {"level", name_of(level)}, {"message", line}};
    out = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    cat_to(out, timestamp(), ' ', name_of(level), ' ', line);
  }
  out += '\n';
  // One write a line, so lines of several threads never mix.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, out.data(), out.size());
}

}  // namespace ionian::log
