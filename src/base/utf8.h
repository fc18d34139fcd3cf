#pragma once
// Bytes as they come from a pipe, made valid UTF-8: what is none becomes U+FFFD, a character that a
// read has cut is joined with its rest.
#include <string>
#include <string_view>

namespace ionian {

class Utf8Joiner {
 public:
  // The text of `bytes`, preceded by what the last call kept back.
  std::string push(std::string_view bytes);
  // No more bytes will come: what is kept back was cut for ever.
  std::string finish();

 private:
  std::string kept_;  // at most 3 bytes
};

// The same of bytes that are there all at once.
std::string to_utf8(std::string_view bytes);

}  // namespace ionian
