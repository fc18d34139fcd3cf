#pragma once
// Log lines of the server. Never a secret, an argument or a result: ids, names, sizes, durations,
// statuses.
#include <string_view>

#include "base/cat.h"

namespace ionian::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Form { kText, kJson };

// Lines go to stderr. Until called: kInfo and up, as text.
void configure(Level least, Form form);
bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... Parts>
void debug(const Parts&... parts) {
  if (enabled(Level::kDebug)) write(Level::kDebug, cat(parts...));
}
template <class... Parts>
void info(const Parts&... parts) {
  if (enabled(Level::kInfo)) write(Level::kInfo, cat(parts...));
}
template <class... Parts>
void warning(const Parts&... parts) {
  write(Level::kWarning, cat(parts...));
}
template <class... Parts>
void error(const Parts&... parts) {
  write(Level::kError, cat(parts...));
}

}  // namespace ionian::log
