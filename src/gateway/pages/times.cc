#include "gateway/pages/parts.h"

#include <cstdio>

namespace ionian::gateway::pages {
namespace {

constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Parts {
  int year, month, day, hour, minute, second;
};

Parts parts_of(Time t) {
  const auto days = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(days);
  const auto rest = std::chrono::duration_cast<std::chrono::seconds>(t - days).count();
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(rest / 3600),
          static_cast<int>(rest / 60 % 60),
          static_cast<int>(rest % 60)};
}

std::string two(int n) { return cat(n < 10 ? "0" : "", n); }
std::string clock_text(const Parts& p) {
  return cat(two(p.hour), ':', two(p.minute), ':', two(p.second));
}

Html tagged(Time t, std::string_view shown) {
  const Parts p = parts_of(t);
  return html(R"(<time datetime="{}-{}-{}T{}Z" title="{}, {} UTC">{}</time>)", p.year, two(p.month),
              two(p.day), clock_text(p), date_text(t), clock_text(p), shown);
}

std::string count(std::int64_t n, std::string_view unit) {
  return cat(n, ' ', unit, n == 1 ? "" : "s");
}

std::string relative(Time now, Time t) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - t).count();
  const std::int64_t away = seconds < 0 ? -seconds : seconds;
  const auto days = away / 86400;
  if (away < 10 && seconds >= 0) return "just now";
  if (days > 13 && seconds > 0) return date_text(t);
  if (days == 1 && seconds > 0) return "yesterday";
  const std::string much = away < 90          ? count(away, "second")
                           : away < 90 * 60   ? cat((away + 30) / 60, " min")
                           : away < 2 * 86400 ? count((away + 1800) / 3600, "hour")
                                              : count((away + 43200) / 86400, "day");
  return seconds < 0 ? cat("in ", much) : cat(much, " ago");
}

}  // namespace

std::string words_for(Duration d) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  if (seconds >= 2 * 86400) return count(seconds / 86400, "day");
  if (seconds >= 2 * 3600) return count(seconds / 3600, "hour");
  if (seconds >= 120) return count(seconds / 60, "minute");
  return count(seconds, "second");
}

std::string date_text(Time t) {
  const Parts p = parts_of(t);
  return cat(p.day, ' ', kMonths[p.month - 1], ' ', p.year);
}

Html time_tag(Time now, Time t) { return tagged(t, relative(now, t)); }

Html time_tag(Time now, const std::optional<Time>& t, std::string_view otherwise) {
  return t ? time_tag(now, *t) : plain(otherwise);
}

Html date_tag(Time t) { return tagged(t, date_text(t)); }

}  // namespace ionian::gateway::pages
