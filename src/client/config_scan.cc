#include "client/config_scan.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace ionian::client {
namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) return void(out += static_cast<char>(c));
  if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xe0 | c >> 12);
    } else {
      out += static_cast<char>(0xf0 | (c >> 18 & 7));
      out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    }
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
  }
  out += static_cast<char>(0x80 | (c & 0x3f));
}

class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  std::vector<Statement> statements() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
    std::vector<Statement> out;
    while (at_ < text_.size()) {
      Statement one{.begin = at_};
      skip_blanks();
      one.key = at_;
      const bool blank = at_end() || peek() == '\n' || peek() == '\r' || peek() == '#';
      if (!blank) peek() == '[' ? header(one) : pair(one);
      end_line(one);
      if (!blank) out.push_back(std::move(one));
    }
    return out;
  }

  std::vector<Statement> inline_pairs() {
    std::vector<Statement> out;
    for (++at_; !at_end();) {
      skip_blanks();
      if (at_end() || peek() == '}') break;
      Statement one{.begin = at_, .key = at_};
      pair(one);
      one.end = at_;
      out.push_back(std::move(one));
      skip_blanks();
      if (!take(',')) break;
    }
    return out;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) { return peek() == c && !at_end() ? (++at_, true) : false; }
  bool take(std::string_view s) {
    return text_.substr(at_).starts_with(s) ? (at_ += s.size(), true) : false;
  }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  void header(Statement& one) {
    one.kind = take("[[") ? Statement::Kind::kListHeader : (++at_, Statement::Kind::kHeader);
    one.path = path();
    while (take(']')) {
    }
  }

  void pair(Statement& one) {
    one.path = path();
    take('=');
    skip_blanks();
    one.value = at_;
    value();
    one.value_end = at_;
  }

  void end_line(Statement& one) {
    skip_blanks();
    one.comment = peek() == '#';
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    one.end = at_;
  }

  std::vector<std::string> path() {
    std::vector<std::string> out;
    do {
      skip_blanks();
      out.push_back(key());
      skip_blanks();
    } while (take('.'));
    return out;
  }

  std::string key() {
    if (peek() == '"' || peek() == '\'') {
      const std::size_t begin = at_;
      string();
      return decode(text_.substr(begin, at_ - begin));
    }
    const std::size_t begin = at_;
    while (!at_end() && std::string_view(".=] \t\r\n").find(peek()) == std::string_view::npos)
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  static std::string decode(std::string_view quoted) {
    if (quoted.size() < 2) return {};
    const bool basic = quoted[0] == '"';
    quoted = quoted.substr(1, quoted.size() - 2);
    if (!basic) return std::string(quoted);
    std::string out;
    for (std::size_t i = 0; i < quoted.size(); ++i) {
      if (quoted[i] != '\\' || i + 1 == quoted.size()) {
        out += quoted[i];
        continue;
      }
      const char c = quoted[++i];
      static constexpr std::string_view kNames = "btnfre", kMeans = "\b\t\n\f\r\x1b";
      if (c == 'u' || c == 'U') {
        const std::size_t digits = c == 'u' ? 4 : 8;
        append_utf8(out, static_cast<std::uint32_t>(std::strtoul(
                             std::string(quoted.substr(i + 1, digits)).c_str(), nullptr, 16)));
        i += digits;
      } else {
        const std::size_t known = kNames.find(c);
        out += known == std::string_view::npos ? c : kMeans[known];
      }
    }
    return out;
  }

  void string() {
    const char quote = peek();
    const std::string three(3, quote);
    if (take(three)) {
      while (!at_end() && !take(three)) at_ += quote == '"' && peek() == '\\' ? 2 : 1;
      for (int extra = 0; extra < 2 && take(quote); ++extra) {
      }
    } else {
      ++at_;
      while (!at_end() && peek() != quote) at_ += quote == '"' && peek() == '\\' ? 2 : 1;
      ++at_;
    }
    at_ = std::min(at_, text_.size());
  }

  void value() {
    const char first = peek();
    if (first == '"' || first == '\'') return string();
    if (first == '[' || first == '{') return brackets();
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(",]}#\r\n", at_), text_.size());
    while (at_ > begin && (text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t')) --at_;
  }

  void brackets() {
    for (int depth = 0; !at_end();) {
      const char c = peek();
      if (c == '"' || c == '\'') {
        string();
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      ++at_;
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Statement> scan_toml(std::string_view text) { return Scanner(text).statements(); }
std::vector<Statement> scan_inline_table(std::string_view text, std::size_t begin) {
  return Scanner(text, begin).inline_pairs();
}

}  // namespace ionian::client
