#include "core/cron.h"

#include <array>
#include <bit>
#include <charconv>
#include <vector>

#include "base/cat.h"

namespace ionian::core {
namespace {

constexpr int kYearsAhead = 60;

struct Field {
  std::string_view name;
  int low, high;
  std::string_view words;  // three letters for each value, from `low`
};
constexpr std::array<Field, 5> kFields = {{
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of the month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of the week", 0, 7, "sunmontuewedthufrisat"},
}};

constexpr std::uint64_t bit(int n) { return std::uint64_t{1} << n; }

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find_first_of(at, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

ionian::Result<int> value_of(const Field& field, std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (const std::size_t at = field.words.find(lower);
      lower.size() == 3 && at != std::string_view::npos && at % 3 == 0)
    return field.low + static_cast<int>(at / 3);
  int value = -1;
  const auto end = text.data() + text.size();
  if (const auto [stop, error] = std::from_chars(text.data(), end, value);
      error != std::errc() || stop != end || value < field.low || value > field.high)
    return fail(Code::kInvalidArgument, field.name, " '", text, "' is not from ", field.low, " to ",
                field.high);
  return value;
}

// "5", "1-5", "*", each perhaps with "/2".
ionian::Result<std::uint64_t> part_bits(const Field& field, std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  int step = 1, low = field.low, high = field.high;
  if (slash != std::string_view::npos) {
    const std::string_view of = text.substr(slash + 1);
    const auto end = of.data() + of.size();
    if (const auto [stop, error] = std::from_chars(of.data(), end, step);
        error != std::errc() || stop != end || step < 1 || step > field.high)
      return fail(Code::kInvalidArgument, "the step '", of, "' of the ", field.name,
                  " is not from 1 to ", field.high);
  }
  // The week has seven days; the eighth number is Sunday again.
  if (range == "*" && field.high == 7) high = 6;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    ASSIGN_OR_RETURN(low, value_of(field, range.substr(0, dash)));
    if (dash != std::string_view::npos) {
      ASSIGN_OR_RETURN(high, value_of(field, range.substr(dash + 1)));
      if (high < low)
        return fail(Code::kInvalidArgument, "the ", field.name, " range '", range,
                    "' ends before it begins");
    } else if (slash == std::string_view::npos) {
      high = low;
    }
  }
  std::uint64_t bits = 0;
  for (int n = low; n <= high; n += step) bits |= bit(n);
  return bits;
}

ionian::Result<std::uint64_t> field_bits(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (const std::string_view part : split(text, ",")) {
    ASSIGN_OR_RETURN(const std::uint64_t more, part_bits(field, part));
    bits |= more;
  }
  return bits;
}

bool matches_day(const Cron& cron, absl::CivilDay day) {
  // absl counts weekdays from Monday, cron from Sunday.
  const int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;
  const bool by_day = cron.days & bit(day.day());
  const bool by_weekday = cron.weekdays & bit(weekday);
  if (cron.any_day || cron.any_weekday) return by_day && by_weekday;
  return by_day || by_weekday;
}

// The first that matches at or after `from`.
std::optional<absl::CivilMinute> match_from(const Cron& cron, absl::CivilMinute from) {
  const auto last_year = from.year() + kYearsAhead;
  for (absl::CivilDay day(from); day.year() <= last_year; ++day) {
    if (!(cron.months & bit(day.month()))) {
      day = absl::CivilDay(absl::CivilMonth(day) + 1) - 1;
      continue;
    }
    if (!matches_day(cron, day)) continue;
    const bool first = day == absl::CivilDay(from);
    const std::uint64_t hours = first ? cron.hours >> from.hour() << from.hour() : cron.hours;
    for (std::uint64_t rest = hours; rest; rest &= rest - 1) {
      const int hour = std::countr_zero(rest);
      const bool begun = first && hour == from.hour();
      const std::uint64_t minutes =
          begun ? cron.minutes >> from.minute() << from.minute() : cron.minutes;
      if (minutes)
        return absl::CivilMinute(day.year(), day.month(), day.day(), hour,
                                 std::countr_zero(minutes));
    }
  }
  return std::nullopt;
}

}  // namespace

ionian::Result<Cron> parse_cron(std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text, " \t"))
    if (!word.empty()) words.push_back(word);
  if (words.size() != kFields.size())
    return fail(Code::kInvalidArgument, "it has ", words.size(),
                " fields, and needs 5: minute, hour, day of the month, month, day of the week");
  std::array<std::uint64_t, kFields.size()> bits{};
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    ASSIGN_OR_RETURN(bits[i], field_bits(kFields[i], words[i]));
  }
  Cron cron{.minutes = bits[0],
            .hours = bits[1],
            .days = bits[2],
            .months = bits[3],
            .weekdays = bits[4]};
  if (cron.weekdays & bit(7)) cron.weekdays |= bit(0);
  cron.any_day = words[2].starts_with('*');
  cron.any_weekday = words[4].starts_with('*');
  if (!match_from(cron, absl::CivilMinute(2000, 1, 1, 0, 0)))
    return fail(Code::kInvalidArgument, "no day of the calendar is one of its days");
  return cron;
}

std::optional<Time> next_cron(const Cron& cron, const absl::TimeZone& zone, Time after) {
  const absl::TimeZone::CivilInfo now = zone.At(absl::FromChrono(after));
  // No local time before this one comes later: clocks that are set back only repeat what has run.
  for (auto minute = match_from(cron, absl::CivilMinute(now.cs)); minute;
       minute = match_from(cron, *minute + 1)) {
    const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(*minute));
    const bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
    const Time at = absl::ToChronoTime(skipped ? info.trans : info.pre);
    if (at > after) return at;
  }
  return std::nullopt;
}

}  // namespace ionian::core
