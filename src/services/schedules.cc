#include "services/schedules.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "services/kept_calls.h"

namespace ionian::services {
namespace {

using core::Timetable;

// How often the machine's clock is looked at, which may be set at any time.
constexpr Duration kLookAgain = 30s;
constexpr Duration kTryAgain = 5s;
// Runs of one function that may wait: a function that cannot keep up does not fill the machine.
constexpr std::size_t kWaitingMax = 1000;

// Names of the time zone database have nothing else, and its loader would take any path.
bool names_a_zone(std::string_view name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '+' || c == '-' ||
           c == '/';
  };
  return !name.empty() && name.front() != '/' && name != "localtime" &&
         std::ranges::all_of(name, fits);
}

Result<core::Schedule> cron_of(const modal::client::Schedule::Cron& wire) {
  core::CronSchedule schedule;
  auto cron = core::parse_cron(wire.cron_string());
  if (!cron)
    return fail(Code::kInvalidArgument, "the schedule '", wire.cron_string(),
                "' is no cron expression: ", cron.error().message,
                ". \"0 9 * * 1-5\" is 9:00 on workdays");
  schedule.cron = *cron;
  const std::string zone = wire.timezone().empty() ? "UTC" : wire.timezone();
  if (!names_a_zone(zone) || !absl::LoadTimeZone(zone, &schedule.zone))
    return fail(Code::kInvalidArgument, "the schedule's time zone '", zone,
                "' is not one of this machine's time zone database: use a name like "
                "\"Europe/Athens\" or \"UTC\"");
  return schedule;
}

Result<core::Schedule> period_of(const modal::client::Schedule::Period& wire) {
  const double parts[] = {static_cast<double>(wire.years()),  static_cast<double>(wire.months()),
                          static_cast<double>(wire.weeks()),  static_cast<double>(wire.days()),
                          static_cast<double>(wire.hours()),  static_cast<double>(wire.minutes()),
                          static_cast<double>(wire.seconds())};
  constexpr double kSeconds[] = {
      365.2425 * 86400, 30.436875 * 86400, 7 * 86400, 86400, 3600, 60, 1};
  double total = 0;
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    if (!(parts[i] >= 0))
      return fail(Code::kInvalidArgument,
                  "a part of the schedule's period is below zero: all of them must be 0 or more");
    total += parts[i] * kSeconds[i];
  }
  if (!(total >= 1.0 && total <= 100 * kSeconds[0]))
    return fail(Code::kInvalidArgument, "the schedule's period of ", total,
                " seconds is not from 1 second to 100 years");
  return core::PeriodSchedule{
      .months = std::int64_t{12} * wire.years() + wire.months(),
      .days = std::int64_t{7} * wire.weeks() + wire.days(),
      // As precise as the records.
      .rest = std::chrono::hours(wire.hours()) + std::chrono::minutes(wire.minutes()) +
              std::chrono::milliseconds(std::llround(wire.seconds() * 1000))};
}

Result<core::Schedule> schedule_of(const std::string& text) {
  modal::client::Schedule wire;
  wire.ParseFromString(text);
  if (wire.has_cron()) return cron_of(wire.cron());
  return period_of(wire.period());
}

store::Schedule record_of(const Timetable::Entry& e) {
  return {.function = e.function,
          .app = e.app,
          .schedule = e.text,
          .anchor = e.anchor,
          .next_at = e.next};
}

Timetable::Entry entry_of(const store::Schedule& record, const core::Schedule& schedule) {
  return {.function = record.function,
          .app = record.app,
          .schedule = schedule,
          .text = record.schedule,
          .anchor = record.anchor,
          .next = record.next_at};
}

}  // namespace

bool has_schedule(const modal::client::Function& d) {
  return d.schedule().has_cron() || d.schedule().has_period();
}

Result<void> check_schedule(const modal::client::Function& d) {
  if (!has_schedule(d)) return {};
  if (auto schedule = schedule_of(d.schedule().SerializeAsString()); !schedule)
    return fail(schedule.error().code, "function ", d.function_name(), ": ",
                schedule.error().message);
  return {};
}

Result<void> replace_schedules(const Context& c, rpc::Call& call, store::Tx& tx, const AppId& app,
                               std::vector<store::Schedule> schedules) {
  const std::vector<store::Schedule> former = store::list_schedules(tx, app);
  store::remove_schedules(tx, app);
  // The records know milliseconds.
  const Time now = from_unix_ms(to_unix_ms(c.wall.now()));
  std::vector<Timetable::Entry> entries;
  for (store::Schedule& record : schedules) {
    ASSIGN_OR_RETURN(core::Schedule schedule, schedule_of(record.schedule));
    const auto next = core::next_run(schedule, now, now);
    if (!next) continue;
    record.anchor = now;
    record.next_at = *next;
    const auto same = std::ranges::find_if(former, [&](const store::Schedule& f) {
      return f.function == record.function && f.schedule == record.schedule;
    });
    if (same != former.end() && std::holds_alternative<core::CronSchedule>(schedule))
      record = *same;
    store::insert_schedule(tx, record);
    entries.push_back(entry_of(record, schedule));
  }
  call.after_commit([&c, app, entries = std::move(entries)] {
    c.core_loop.post([&c, app, entries] {
      c.timetable.remove_app(app);
      for (const Timetable::Entry& entry : entries) c.timetable.put(entry);
    });
  });
  return {};
}

void load_schedules(const Context& c, store::View& view) {
  for (const store::Schedule& record : store::list_all_schedules(view)) {
    auto schedule = schedule_of(record.schedule);
    if (schedule)
      c.timetable.put(entry_of(record, *std::move(schedule)));
    else
      log::error("function ", record.function,
                 " does not run on its schedule: ", schedule.error().message);
  }
}

std::optional<Time> Schedules::run_due(Time now) {
  const Time wall = c_.wall.now();
  if (const auto next = c_.timetable.next(); next && *next <= wall)
    for (Timetable::Due& due : c_.timetable.take_due(wall)) run(std::move(due));
  const auto next = c_.timetable.next();
  if (!next) return std::nullopt;
  return now + std::clamp<Duration>(*next - wall, 0s, kLookAgain);
}

void Schedules::run(Timetable::Due due) {
  const core::Function* function = c_.core.function(due.entry.function);
  const bool skipped = function && function->pending.size() >= kWaitingMax;
  if (skipped)
    log::warning("the run of ", due.entry.function, " that was due at ", utc_text(due.at),
                 " is left out: ", kWaitingMax, " inputs wait already");
  const Time now = c_.clock.now();
  store::Call call{.id = CallId::make(c_.random, now),
                   .function = due.entry.function,
                   .app = due.entry.app,
                   .type = modal::client::FUNCTION_CALL_TYPE_UNARY,
                   .invocation_type = modal::client::FUNCTION_CALL_INVOCATION_TYPE_ASYNC,
                   .created_at = now,
                   .scheduled_at = due.at};
  if (const core::App* app = c_.core.app(call.app)) call.workspace = app->workspace;
  modal::client::FunctionInput empty;
  empty.set_final_input(true);
  const store::CallInput input{.id = InputId::make(c_.random, now),
                               .input = empty.SerializeAsString()};
  auto current = std::make_shared<bool>(false);
  auto write = [seen = record_of(due.entry), then = due.then, call, input, skipped,
                current](store::Tx& tx) -> Result<void> {
    *current = then ? store::advance_schedule(tx, seen, *then) : store::end_schedule(tx, seen);
    if (!*current || skipped) return {};
    store::insert_call(tx, call);
    store::insert_input(tx, call.id, input);
    return {};
  };
  c_.store.write(std::move(write), [this, due = std::move(due), call, input, skipped,
                                    current](Result<void> committed) {
    if (!committed)
      log::warning("the run of ", call.function, " could not be kept: ", committed.error().message);
    c_.core_loop.post([this, due, call, input, put_off = !committed, runs = *current && !skipped,
                       current = *current] {
      Timetable::Entry entry = due.entry;
      if (put_off) return c_.timetable.put_later(std::move(entry), c_.wall.now() + kTryAgain);
      // Otherwise the app was stopped or deployed again meanwhile; who did that has seen to the
      // table.
      if (current && due.then) entry.next = *due.then, c_.timetable.put(std::move(entry));
      if (runs) begin_kept_call(c_, call, input);
    });
  });
}

}  // namespace ionian::services
