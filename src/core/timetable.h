#pragma once
// When functions with a schedule run. Pure: told the time, it says what is due.
#include <absl/time/time.h>

#include <map>
#include <set>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "core/cron.h"

namespace ionian::core {

struct CronSchedule {
  Cron cron;
  absl::TimeZone zone;
};

// Months and days are those of the calendar in UTC; the last day of a month stands for those that
// the month lacks.
struct PeriodSchedule {
  std::int64_t months = 0, days = 0;
  Duration rest = {};
};

using Schedule = std::variant<CronSchedule, PeriodSchedule>;

// The first run after a moment; periods count from the anchor, so they never drift.
std::optional<Time> next_run(const Schedule& schedule, Time anchor, Time after);
// The last run not after `upto`, given that `next` is one.
Time latest_run(const Schedule& schedule, Time anchor, Time next, Time upto);

class Timetable {
 public:
  struct Entry {
    FunctionId function;
    AppId app;
    Schedule schedule;
    std::string text;  // as it is kept, to tell one schedule from its successor
    Time anchor;       // when it began
    Time next;
  };
  struct Due {
    Entry entry;               // with the `next` that has come
    Time at;                   // the run; those that were missed before it are left out
    std::optional<Time> then;  // the one after it
  };

  // Also takes the place of an earlier schedule of the function.
  void put(Entry entry);
  // The same, but not to be looked at before a time.
  void put_later(Entry entry, Time not_before);
  void remove_app(const AppId& app);
  const Entry* find(const FunctionId& function) const;
  std::size_t size() const { return entries_.size(); }

  // What is due leaves the table; whoever runs it puts it back with its next time.
  std::vector<Due> take_due(Time now);
  // When `take_due` has something again.
  std::optional<Time> next() const;

 private:
  struct Placed {
    Entry entry;
    Time wake;
  };
  void erase(const FunctionId& function);

  std::map<FunctionId, Placed> entries_;
  std::set<std::pair<Time, FunctionId>> order_;
};

}  // namespace ionian::core
