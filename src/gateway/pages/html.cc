#include "gateway/pages/html.h"

#include <cstdint>
#include <cstdio>

namespace ionian::gateway::pages {
namespace {

// The length of the UTF-8 character at the front, and its number; 0 where the bytes are none.
struct Character {
  std::size_t length = 0;
  std::uint32_t number = 0;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char head = byte(0);
  if (head < 0x80) return {1, head};
  const std::size_t length = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : head >= 0xc2 ? 2 : 0;
  if (length == 0 || head > 0xf4 || text.size() < length) return {};
  std::uint32_t number = head & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    number = number << 6 | (byte(i) & 0x3f);
  }
  return {length, number};
}

// Characters that are not seen, or that change how others are: controls, marks of direction,
// separators of lines, tags.
bool misleads(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xd800 && c <= 0xdfff) ||
         (c >= 0xfff0 && c <= 0xfffb) || c >= 0xe0000;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string tamed(std::string_view text, std::size_t most) {
  std::string out;
  bool cut = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = first_character(text.substr(at));
    const std::size_t length = c.length == 0 ? 1 : c.length;
    if (at + length > most) {
      cut = true;
      break;
    }
    if (c.length == 0 || misleads(c.number)) {
      char code[16];
      const auto value = c.length == 0 ? static_cast<unsigned char>(text[at]) : c.number;
      std::snprintf(code, sizeof code, value < 0x100 ? "\\x%02x" : "\\u%04x", value);
      out += code;
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return cut ? out + "…" : out;
}

}  // namespace ionian::gateway::pages
