#include "core/cron.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace ionian::core {
namespace {

absl::TimeZone zone_of(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

Time at(const std::string& text, const absl::TimeZone& zone = absl::UTCTimeZone()) {
  absl::CivilSecond civil;
  EXPECT_TRUE(absl::ParseCivilTime(text, &civil)) << text;
  return absl::ToChronoTime(absl::FromCivil(civil, zone));
}

std::string text_of(std::optional<Time> time, const absl::TimeZone& zone = absl::UTCTimeZone()) {
  if (!time) return "never";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", absl::FromChrono(*time), zone);
}

std::string next(std::string_view cron, const std::string& after, const absl::TimeZone& zone) {
  const auto parsed = parse_cron(cron);
  EXPECT_TRUE(parsed.has_value()) << cron;
  return text_of(next_cron(*parsed, zone, at(after)), zone);
}

std::string refusal(std::string_view cron) {
  const auto parsed = parse_cron(cron);
  return parsed ? "taken" : parsed.error().message;
}

TEST(Cron, FieldsAreThoseOfTheCronTab) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  EXPECT_EQ(next("* * * * *", "2026-03-01T10:00:00", utc), "2026-03-01T10:01:00+00:00");
  EXPECT_EQ(next("5 4 * * *", "2026-03-01T04:05:00", utc), "2026-03-02T04:05:00+00:00");
  EXPECT_EQ(next("*/20 8-9 * * *", "2026-03-01T08:40:01", utc), "2026-03-01T09:00:00+00:00");
  EXPECT_EQ(next("0 9 * * 4", "2026-03-01T00:00:00", utc), "2026-03-05T09:00:00+00:00");
  EXPECT_EQ(next("0 9 * * mon-FRI", "2026-03-06T09:00:00", utc), "2026-03-09T09:00:00+00:00");
  EXPECT_EQ(next("0 0 1 jan,jul *", "2026-03-06T09:00:00", utc), "2026-07-01T00:00:00+00:00");
  EXPECT_EQ(next("0 0 * * 7", "2026-03-06T09:00:00", utc), "2026-03-08T00:00:00+00:00");
  EXPECT_EQ(next("0 0 * * 5-7", "2026-03-07T09:00:00", utc), "2026-03-08T00:00:00+00:00");
  EXPECT_EQ(next("7/25 0 * * *", "2026-03-06T00:07:00", utc), "2026-03-06T00:32:00+00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2026-03-06T09:00:00", utc), "2028-02-29T00:00:00+00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2096-03-06T09:00:00", utc), "2104-02-29T00:00:00+00:00");
  EXPECT_EQ(next("\t 59  23 31 12 * ", "2026-03-06T09:00:00", utc), "2026-12-31T23:59:00+00:00");
}

TEST(Cron, EitherDayWillDoWhereBothAreNamed) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  EXPECT_EQ(next("0 0 13 * 5", "2026-03-01T00:00:00", utc), "2026-03-06T00:00:00+00:00");
  EXPECT_EQ(next("0 0 13 * 1", "2026-03-09T00:00:00", utc), "2026-03-13T00:00:00+00:00");
  // `*/2` names no day of its own, so both must match.
  EXPECT_EQ(next("0 0 */2 * 5", "2026-03-01T00:00:00", utc), "2026-03-13T00:00:00+00:00");
}

TEST(Cron, ARefusalNamesTheFieldAndItsRule) {
  EXPECT_EQ(refusal("* * * *"),
            "it has 4 fields, and needs 5: minute, hour, day of the month, month, day of the week");
  EXPECT_EQ(refusal(""),
            "it has 0 fields, and needs 5: minute, hour, day of the month, month, day of the week");
  EXPECT_EQ(refusal("60 * * * *"), "minute '60' is not from 0 to 59");
  EXPECT_EQ(refusal("* 24 * * *"), "hour '24' is not from 0 to 23");
  EXPECT_EQ(refusal("* * 0 * *"), "day of the month '0' is not from 1 to 31");
  EXPECT_EQ(refusal("* * * 13 *"), "month '13' is not from 1 to 12");
  EXPECT_EQ(refusal("* * * anj *"), "month 'anj' is not from 1 to 12");
  EXPECT_EQ(refusal("* * * * 8"), "day of the week '8' is not from 0 to 7");
  EXPECT_EQ(refusal("* * * * L"), "day of the week 'L' is not from 0 to 7");
  EXPECT_EQ(refusal("1, * * * *"), "minute '' is not from 0 to 59");
  EXPECT_EQ(refusal("5-1 * * * *"), "the minute range '5-1' ends before it begins");
  EXPECT_EQ(refusal("*/0 * * * *"), "the step '0' of the minute is not from 1 to 59");
  EXPECT_EQ(refusal("*/x * * * *"), "the step 'x' of the minute is not from 1 to 59");
  EXPECT_EQ(refusal("0 0 31 2 *"), "no day of the calendar is one of its days");
  EXPECT_EQ(refusal("0 0 30 feb,feb *"), "no day of the calendar is one of its days");
}

TEST(Cron, AnHourThatIsSkippedRunsOnceAfterTheGap) {
  const absl::TimeZone athens = zone_of("Europe/Athens");  // 03:00 → 04:00 on 29 March 2026
  EXPECT_EQ(next("30 3 * * *", "2026-03-28T02:00:00", athens), "2026-03-29T04:00:00+03:00");
  EXPECT_EQ(next("30 3 * * *", "2026-03-29T01:00:00", athens), "2026-03-30T03:30:00+03:00");
  EXPECT_EQ(next("*/10 3 * * *", "2026-03-29T00:59:59", athens), "2026-03-29T04:00:00+03:00");
  EXPECT_EQ(next("*/10 3 * * *", "2026-03-29T01:00:00", athens), "2026-03-30T03:00:00+03:00");
  EXPECT_EQ(next("0 * * * *", "2026-03-29T01:00:00", athens), "2026-03-29T05:00:00+03:00");
}

TEST(Cron, AnHourThatComesTwiceRunsOnce) {
  const absl::TimeZone york = zone_of("America/New_York");  // 02:00 → 01:00 on 1 November 2026
  EXPECT_EQ(next("30 1 * * *", "2026-11-01T05:00:00", york), "2026-11-01T01:30:00-04:00");
  EXPECT_EQ(next("30 1 * * *", "2026-11-01T05:30:00", york), "2026-11-02T01:30:00-05:00");
  EXPECT_EQ(next("*/30 * * * *", "2026-11-01T05:30:00", york), "2026-11-01T02:00:00-05:00");
}

// Every minute from `from` on, asked by itself: does the cron run now?
bool runs_at(const Cron& cron, const absl::TimeZone& zone, absl::Time t) {
  const auto matches = [&](absl::CivilMinute m) {
    const int weekday = (static_cast<int>(absl::GetWeekday(absl::CivilDay(m))) + 1) % 7;
    const bool day = cron.days >> m.day() & 1, week = cron.weekdays >> weekday & 1;
    return (cron.minutes >> m.minute() & 1) && (cron.hours >> m.hour() & 1) &&
           (cron.months >> m.month() & 1) &&
           (cron.any_day || cron.any_weekday ? day && week : day || week);
  };
  const absl::CivilMinute here(absl::ToCivilSecond(t, zone));
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(here));
  if (info.pre != t) return false;  // the second time that the clock shows this
  if (matches(here)) return true;
  const absl::CivilMinute before(absl::ToCivilSecond(t - absl::Seconds(1), zone));
  for (absl::CivilMinute skipped = before + 1; skipped < here; ++skipped)
    if (matches(skipped)) return true;
  return false;
}

TEST(Cron, AgreesWithAMinuteByMinuteWalkAroundEveryChangeOfTheClock) {
  SeededRandom random(7);
  const auto below = [&](int n) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(n)));
  };
  const std::vector<std::pair<std::string, std::string>> places = {
      {"Europe/Athens", "2026-03-28T20:00:00"},
      {"Europe/Athens", "2026-10-24T20:00:00"},
      {"America/New_York", "2026-03-07T22:00:00"},
      {"America/New_York", "2026-10-31T22:00:00"},
      {"Australia/Lord_Howe", "2026-04-04T06:00:00"},
      {"Australia/Lord_Howe", "2026-10-03T06:00:00"},
      {"Pacific/Apia", "2011-12-29T12:00:00"},
      {"Asia/Kathmandu", "2026-05-01T00:00:00"}};
  for (int round = 0; round < 400; ++round) {
    const auto& [name, start] = places[static_cast<std::size_t>(below(8))];
    const absl::TimeZone zone = zone_of(name);
    const std::vector<std::string> minutes = {"*", "*/15", "30", "5,35", cat(below(60))};
    const std::vector<std::string> hours = {"*", "1-3", "2", "0,3", cat(below(24))};
    const std::vector<std::string> days = {"*", "*", "*", "1-15", "29"};
    const std::vector<std::string> weeks = {"*", "*", "0", "sat,sun"};
    const std::string text = cat(minutes[static_cast<std::size_t>(below(5))], ' ',
                                 hours[static_cast<std::size_t>(below(5))], ' ',
                                 days[static_cast<std::size_t>(below(5))], " * ",
                                 weeks[static_cast<std::size_t>(below(4))]);
    const auto cron = parse_cron(text);
    ASSERT_TRUE(cron.has_value()) << text;
    const Time begin = at(start);
    std::optional<Time> expected = next_cron(*cron, zone, begin);
    for (Time t = begin + 1min; t < begin + 40h; t += 1min) {
      const bool runs = runs_at(*cron, zone, absl::FromChrono(t));
      ASSERT_EQ(runs, expected == t) << text << " in " << name << " at " << text_of(t, zone);
      if (runs) expected = next_cron(*cron, zone, t);
    }
  }
}

}  // namespace
}  // namespace ionian::core
