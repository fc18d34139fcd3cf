#pragma once
// Cron expressions: five fields, and the moments that they name in a time zone.
#include <absl/time/time.h>

#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::core {

// Which minutes match: one bit for each value of a field.
struct Cron {
  std::uint64_t minutes = 0, hours = 0, days = 0, months = 0, weekdays = 0;
  // Where a day of the month and a day of the week are both named, either will do.
  bool any_day = false, any_weekday = false;
};

// "minute hour day-of-month month day-of-week": numbers, names (JAN, MON), `*`, lists, ranges,
// steps.
//   errors  INVALID_ARGUMENT which field breaks which rule, or that no such day ever comes
ionian::Result<Cron> parse_cron(std::string_view text);

// The first run after a moment. A local time that the clock skips runs at the first moment after
// the gap, one that comes twice runs the first time. Empty: none within the next 60 years.
std::optional<Time> next_cron(const Cron& cron, const absl::TimeZone& zone, Time after);

}  // namespace ionian::core
