#include "core/timetable.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace ionian::core {
namespace {

Time at(const std::string& text) {
  absl::CivilSecond civil;
  EXPECT_TRUE(absl::ParseCivilTime(text, &civil)) << text;
  return absl::ToChronoTime(absl::FromCivil(civil, absl::UTCTimeZone()));
}

std::string text_of(std::optional<Time> time) {
  if (!time) return "never";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*S", absl::FromChrono(*time), absl::UTCTimeZone());
}

Schedule cron(std::string_view text, const std::string& zone = "UTC") {
  CronSchedule schedule{.cron = *parse_cron(text)};
  EXPECT_TRUE(absl::LoadTimeZone(zone, &schedule.zone));
  return schedule;
}

std::string next(const PeriodSchedule& period, const std::string& anchor,
                 const std::string& after) {
  return text_of(next_run(period, at(anchor), at(after)));
}

TEST(Period, CountsFromItsAnchorInTheCalendar) {
  const std::string noon = "2026-01-31T12:00:00";
  EXPECT_EQ(next({.days = 1}, noon, noon), "2026-02-01T12:00:00");
  EXPECT_EQ(next({.months = 1}, noon, noon), "2026-02-28T12:00:00");
  EXPECT_EQ(next({.months = 1}, noon, "2026-02-28T12:00:00"), "2026-03-31T12:00:00");
  EXPECT_EQ(next({.months = 12}, "2024-02-29T01:00:00", "2024-03-01T00:00:00"),
            "2025-02-28T01:00:00");
  EXPECT_EQ(next({.months = 12}, "2024-02-29T01:00:00", "2027-03-01T00:00:00"),
            "2028-02-29T01:00:00");
  EXPECT_EQ(next({.months = 1, .days = 1, .rest = 1h}, noon, noon), "2026-03-01T13:00:00");
  EXPECT_EQ(next({.rest = 5h}, noon, "2026-02-01T00:00:00"), "2026-02-01T03:00:00");
  EXPECT_EQ(next({.rest = 3141ms}, noon, "2026-01-31T12:00:07"), "2026-01-31T12:00:09.423");
  EXPECT_EQ(next({.rest = 1s}, noon, "2026-01-01T00:00:00"), "2026-01-31T12:00:01");
}

TEST(Period, TheMillisecondOfTheAnchorIsKept) {
  const Time anchor = at("2026-01-31T12:00:00") + 250ms;
  EXPECT_EQ(next_run(PeriodSchedule{.months = 1}, anchor, anchor),
            at("2026-02-28T12:00:00") + 250ms);
}

TEST(Timetable, OfMissedRunsTheLatestComesOnce) {
  Timetable table;
  const Time start = at("2026-03-01T00:00:00");
  table.put({.function = FunctionId("fu-1"),
             .schedule = cron("0 * * * *"),
             .next = at("2026-03-01T01:00:00")});
  EXPECT_TRUE(table.take_due(start).empty());
  const auto due = table.take_due(at("2029-07-01T05:30:00"));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(text_of(due[0].at), "2029-07-01T05:00:00");
  EXPECT_EQ(text_of(due[0].then), "2029-07-01T06:00:00");
  EXPECT_EQ(table.size(), 0u);
}

TEST(Timetable, AMissedRunIsTheLatestHoweverRareItIs) {
  const Schedule rare = cron("0 0 29 2 *");
  EXPECT_EQ(text_of(latest_run(rare, {}, at("2024-02-29T00:00:00"), at("2031-01-01T00:00:00"))),
            "2028-02-29T00:00:00");
  EXPECT_EQ(text_of(latest_run(rare, {}, at("2024-02-29T00:00:00"), at("2024-02-29T00:00:00"))),
            "2024-02-29T00:00:00");
  const Schedule month = PeriodSchedule{.months = 1};
  EXPECT_EQ(text_of(latest_run(month, at("2026-01-31T00:00:00"), at("2026-02-28T00:00:00"),
                               at("2026-06-30T23:00:00"))),
            "2026-06-30T00:00:00");
}

TEST(Timetable, AnAppThatIsStoppedHasNoScheduleLeft) {
  Timetable table;
  const Time soon = at("2026-03-01T01:00:00");
  table.put({.function = FunctionId("fu-1"),
             .app = AppId("ap-1"),
             .schedule = cron("0 * * * *"),
             .next = soon});
  table.put({.function = FunctionId("fu-2"),
             .app = AppId("ap-2"),
             .schedule = cron("0 * * * *"),
             .next = soon});
  table.remove_app(AppId("ap-1"));
  const auto due = table.take_due(soon);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].entry.function, FunctionId("fu-2"));
}

TEST(Timetable, WhatIsPutOffComesWhenTheClockWasSetBackMeanwhile) {
  Timetable table;
  const Time noon = at("2026-03-01T12:00:00");
  table.put_later({.function = FunctionId("fu-1"), .schedule = cron("0 12 * * *"), .next = noon},
                  noon - 2h);
  EXPECT_TRUE(table.take_due(noon - 1h).empty());
  EXPECT_EQ(table.next(), noon);
  EXPECT_EQ(table.take_due(noon).size(), 1u);
}

// Lives of a server that end at any moment, on a machine whose clock jumps: what is on disk
// decides.
class Lives {
 public:
  explicit Lives(std::uint64_t seed) : random_(seed), seed_(seed) {}

  void run() {
    for (int n = 0; n < 3; ++n) deploy(n);
    for (int step = 0; step < 300; ++step) {
      now_ += std::chrono::milliseconds(random_.below(random_.below(8) ? 200'000 : 90'000'000));
      if (random_.below(20) == 0) now_ -= std::chrono::seconds(random_.below(4000));
      if (random_.below(10) == 0) restart();
      if (random_.below(40) == 0) deploy(static_cast<int>(random_.below(3)));
      tick();
    }
  }

 private:
  struct Kept {
    Timetable::Entry entry;
    std::optional<Time> last;  // run
    Time since;                // since when every moment counts
  };

  void deploy(int n) {
    static constexpr std::array kCrons = {"* * * * *", "*/7 1-4 * * *", "30 2 * * *", "0 0 1 * 1"};
    Timetable::Entry entry{.function = FunctionId(cat("fu-", n)), .anchor = now_};
    if (random_.below(2))
      entry.schedule = cron(kCrons[random_.below(4)], "Europe/Athens");
    else
      entry.schedule =
          PeriodSchedule{.months = static_cast<int>(random_.below(2)),
                         .days = static_cast<int>(random_.below(2)),
                         .rest = std::chrono::milliseconds(1000 + random_.below(10'000'000))};
    entry.next = *next_run(entry.schedule, now_, now_);
    disk_[entry.function] = {.entry = entry, .last = {}, .since = now_};
    table_.put(entry);
  }

  void restart() {
    table_ = {};
    for (const auto& [id, kept] : disk_) table_.put(kept.entry);
  }

  void tick() {
    for (Timetable::Due& due : table_.take_due(now_)) {
      const auto fate = random_.below(10);
      if (fate == 0) {  // the disk was full
        table_.put_later(due.entry, now_ + 5s);
        continue;
      }
      if (fate == 1) return restart();  // killed before the commit
      Kept& kept = disk_.at(due.entry.function);
      ASSERT_EQ(due.entry.next, kept.entry.next) << seed_;
      check(kept, due);
      kept.last = due.at;
      kept.entry.next = *due.then;
      if (fate == 2) return restart();  // killed after it
      table_.put(kept.entry);
    }
    for (const auto& [id, kept] : disk_) {
      const auto* entry = table_.find(id);
      ASSERT_NE(entry, nullptr) << seed_;
      EXPECT_EQ(entry->next, kept.entry.next) << seed_;
    }
  }

  // It is a true moment, later than any before it, and nothing lies between it and now.
  void check(const Kept& kept, const Timetable::Due& due) {
    const auto& [schedule, anchor] = std::tie(kept.entry.schedule, kept.entry.anchor);
    EXPECT_LE(due.at, now_) << seed_;
    EXPECT_GT(due.at, kept.last.value_or(kept.since)) << seed_;
    EXPECT_EQ(next_run(schedule, anchor, due.at - 1ns), due.at) << seed_;
    EXPECT_EQ(next_run(schedule, anchor, due.at), due.then) << seed_;
    EXPECT_GT(*due.then, now_) << seed_;
  }

  SeededRandom random_;
  const std::uint64_t seed_;
  Time now_ = at("2026-03-28T21:00:00");
  Timetable table_;
  std::map<FunctionId, Kept> disk_;
};

TEST(Timetable, NoRunComesTwiceAndNoneIsForgottenInAnySeed) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) Lives(seed).run();
}

}  // namespace
}  // namespace ionian::core
