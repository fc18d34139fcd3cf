#include "base/clock.h"

#include <ctime>

namespace ionian {

std::string utc_text(Time t) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(t);
  std::tm parts;
  gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S+00:00", &parts)};
}

}  // namespace ionian
