#include "base/utf8.h"

#include <cstdint>

namespace ionian {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Step {
  std::size_t bytes = 1;
  enum { kValid, kInvalid, kCut } is = kInvalid;
};

// The character at the start of `s`; of an invalid one, the bytes that one U+FFFD stands for.
Step next_character(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(s[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {1, Step::kValid};
  std::size_t length = 0;
  std::uint8_t low = 0x80, high = 0xBF;  // what the second byte may be
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;  // surrogates
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;  // beyond U+10FFFF
  if (length == 0) return {1, Step::kInvalid};
  for (std::size_t i = 1; i < length; ++i) {
    if (i == s.size()) return {i, Step::kCut};
    if (byte(i) < low || byte(i) > high) return {i, Step::kInvalid};
    low = 0x80, high = 0xBF;
  }
  return {length, Step::kValid};
}

}  // namespace

std::string Utf8Joiner::push(std::string_view bytes) {
  std::string joined = std::move(kept_);
  joined += bytes;
  kept_.clear();
  std::string out;
  out.reserve(joined.size());
  for (std::string_view rest = joined; !rest.empty();) {
    const Step step = next_character(rest);
    if (step.is == Step::kCut) {
      kept_ = rest;
      break;
    }
    out += step.is == Step::kValid ? rest.substr(0, step.bytes) : kReplacement;
    rest.remove_prefix(step.bytes);
  }
  return out;
}

std::string Utf8Joiner::finish() {
  const bool cut = !kept_.empty();
  kept_.clear();
  return cut ? std::string(kReplacement) : std::string();
}

std::string to_utf8(std::string_view bytes) {
  Utf8Joiner text;
  std::string all = text.push(bytes);
  all += text.finish();
  return all;
}

}  // namespace ionian
