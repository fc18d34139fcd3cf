#include "core/timetable.h"

#include <algorithm>

namespace ionian::core {
namespace {

// The run number `count` of a period: the calendar's parts first, then the clock's.
Time multiple(const PeriodSchedule& p, Time anchor, std::int64_t count) {
  const absl::Time start = absl::FromChrono(anchor);
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilSecond from = absl::ToCivilSecond(start, utc);
  const absl::Duration below_second = start - absl::FromCivil(from, utc);
  const absl::CivilMonth month = absl::CivilMonth(from) + p.months * count;
  const int last = (absl::CivilDay(month + 1) - 1).day();
  const absl::CivilDay day =
      absl::CivilDay(month) + (std::min(from.day(), last) - 1) + p.days * count;
  const absl::CivilSecond at(day.year(), day.month(), day.day(), from.hour(), from.minute(),
                             from.second());
  return absl::ToChronoTime(absl::FromCivil(at, utc) + below_second) + p.rest * count;
}

// The first number whose run is after a moment.
std::int64_t first_after(const PeriodSchedule& p, Time anchor, Time after) {
  if (after < anchor) return 1;
  const Duration shortest = p.months * 28 * 24h + p.days * 24h + p.rest;
  std::int64_t low = 1, high = (after - anchor) / shortest + 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (multiple(p, anchor, middle) > after)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace

std::optional<Time> next_run(const Schedule& schedule, Time anchor, Time after) {
  if (const auto* cron = std::get_if<CronSchedule>(&schedule))
    return next_cron(cron->cron, cron->zone, after);
  const auto& period = std::get<PeriodSchedule>(schedule);
  return multiple(period, anchor, first_after(period, anchor, after));
}

Time latest_run(const Schedule& schedule, Time anchor, Time next, Time upto) {
  if (const auto* period = std::get_if<PeriodSchedule>(&schedule))
    return std::max(next,
                    multiple(*period, anchor,
                             std::max<std::int64_t>(1, first_after(*period, anchor, upto) - 1)));
  // Looks back further and further, so that years of missed minutes take no longer than one.
  for (Duration back = 1min; upto - back > next; back *= 4)
    if (const auto one = next_run(schedule, anchor, upto - back); one && *one <= upto) {
      next = *one;
      break;
    }
  for (;;) {
    const auto later = next_run(schedule, anchor, next);
    if (!later || *later > upto) return next;
    next = *later;
  }
}

void Timetable::erase(const FunctionId& function) {
  const auto it = entries_.find(function);
  if (it == entries_.end()) return;
  order_.erase({it->second.wake, function});
  entries_.erase(it);
}

void Timetable::put(Entry entry) {
  const Time wake = entry.next;
  put_later(std::move(entry), wake);
}

void Timetable::put_later(Entry entry, Time not_before) {
  erase(entry.function);
  order_.emplace(not_before, entry.function);
  const FunctionId function = entry.function;
  entries_.emplace(function, Placed{std::move(entry), not_before});
}

void Timetable::remove_app(const AppId& app) {
  std::vector<FunctionId> gone;
  for (const auto& [id, placed] : entries_)
    if (placed.entry.app == app) gone.push_back(id);
  for (const FunctionId& id : gone) erase(id);
}

const Timetable::Entry* Timetable::find(const FunctionId& function) const {
  const auto it = entries_.find(function);
  return it == entries_.end() ? nullptr : &it->second.entry;
}

std::vector<Timetable::Due> Timetable::take_due(Time now) {
  std::vector<Due> due;
  while (!order_.empty() && order_.begin()->first <= now) {
    const FunctionId function = order_.begin()->second;
    Entry entry = std::move(entries_.at(function).entry);
    erase(function);
    if (entry.next > now) {  // the clock was set back after it was put off
      put(std::move(entry));
      continue;
    }
    const Time at = latest_run(entry.schedule, entry.anchor, entry.next, now);
    const auto then = next_run(entry.schedule, entry.anchor, now);
    due.push_back({std::move(entry), at, then});
  }
  return due;
}

std::optional<Time> Timetable::next() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

}  // namespace ionian::core
