#include "client/python_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace ionian::client {
namespace {

constexpr std::array<std::string_view, 29> kSpaces = {" ",
                                                      "\t",
                                                      "\n",
                                                      "\v",
                                                      "\f",
                                                      "\r",
                                                      "\x1c",
                                                      "\x1d",
                                                      "\x1e",
                                                      "\x1f",
                                                      "\xc2\x85",
                                                      "\xc2\xa0",
                                                      "\xe1\x9a\x80",
                                                      "\xe2\x80\x80",
                                                      "\xe2\x80\x81",
                                                      "\xe2\x80\x82",
                                                      "\xe2\x80\x83",
                                                      "\xe2\x80\x84",
                                                      "\xe2\x80\x85",
                                                      "\xe2\x80\x86",
                                                      "\xe2\x80\x87",
                                                      "\xe2\x80\x88",
                                                      "\xe2\x80\x89",
                                                      "\xe2\x80\x8a",
                                                      "\xe2\x80\xa8",
                                                      "\xe2\x80\xa9",
                                                      "\xe2\x80\xaf",
                                                      "\xe2\x81\x9f",
                                                      "\xe3\x80\x80"};

bool digit(char c) { return c >= '0' && c <= '9'; }

// Underscores may stand between two digits only; without them the rest is what C++ reads.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1]))
      return std::nullopt;
  }
  return out;
}

// A number beyond a double's range is infinite, or zero if it is too small.
double beyond_range(std::string_view digits) {
  const std::size_t e = digits.find_first_of("eE");
  const bool small =
      e != std::string_view::npos ? digits[e + 1] == '-' : digits[0] == '0' || digits[0] == '.';
  return small ? 0.0 : std::numeric_limits<double>::infinity();
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string_view strip(std::string_view text) {
  for (bool again = true; again && !text.empty();) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) text.remove_prefix(space.size()), again = true;
      if (text.ends_with(space)) text.remove_suffix(space.size()), again = true;
    }
  }
  return text;
}

std::optional<std::int64_t> to_int(std::string_view text) {
  text = strip(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  auto digits = without_underscores(text);
  if (!digits || digits->empty() || !std::ranges::all_of(*digits, digit)) return std::nullopt;
  if (negative) digits->insert(0, 1, '-');
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), out);
  return error == std::errc() ? std::optional(out) : std::nullopt;
}

std::optional<double> to_float(std::string_view text) {
  text = strip(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string lower = to_lower(text);
  double out = 0;
  if (lower == "inf" || lower == "infinity") {
    out = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    out = std::numeric_limits<double>::quiet_NaN();
  } else {
    const auto digits = without_underscores(text);
    if (!digits || digits->empty() ||
        digits->find_first_not_of("0123456789.eE+-") != std::string::npos)
      return std::nullopt;
    if (!digit(digits->front()) && digits->front() != '.') return std::nullopt;
    const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), out);
    if (end != digits->data() + digits->size() || error == std::errc::invalid_argument)
      return std::nullopt;
    if (error == std::errc::result_out_of_range) out = beyond_range(*digits);
  }
  return negative ? -out : out;
}

}  // namespace ionian::client
