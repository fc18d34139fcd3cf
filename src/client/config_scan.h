#pragma once
// Where the statements of a TOML text lie, byte by byte, so that an edit touches nothing else. Made
// for a text that parses; for any other it ends without reading past the text, and its answer means
// nothing.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ionian::client {

struct Statement {
  enum class Kind { kHeader, kListHeader, kPair } kind = Kind::kPair;
  std::vector<std::string> path;         // the key, its dots resolved
  std::size_t begin = 0, end = 0;        // the lines it takes, with the last line's end
  std::size_t key = 0;                   // where the key (of a header: the bracket) begins
  std::size_t value = 0, value_end = 0;  // kPair: the value without the white space around it
  bool comment = false;                  // on the same line
};

std::vector<Statement> scan_toml(std::string_view text);
// The pairs of the inline table whose `{` is at `begin`.
std::vector<Statement> scan_inline_table(std::string_view text, std::size_t begin);

}  // namespace ionian::client
