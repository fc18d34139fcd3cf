#pragma once
// What a program has printed, by offset, bounded: what nobody has taken yet is never dropped, so
// its pipe must not be read while there is no room. What was taken stays for as long as there is
// room, for a client that lost its connection and reads again.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ionian::worker {

class StreamWindow {
 public:
  explicit StreamWindow(std::size_t most) : most_(most) {}

  // How much may be pushed.
  std::size_t room() const { return most_ - std::min<std::size_t>(most_, end() - taken_); }
  void push(std::string_view bytes);
  // At most `most` bytes from `offset` on, which says that all before it has been taken. Empty:
  // there is nothing yet.
  //   errors   OUT_OF_RANGE what begins there is no longer kept
  Result<std::string_view> read(std::uint64_t offset, std::size_t most);

  // Keeps nothing of it for a second reading.
  void drop_taken();

  std::uint64_t end() const { return start_ + bytes_.size(); }
  std::size_t kept() const { return bytes_.size(); }

 private:
  const std::size_t most_;
  std::string bytes_;
  std::uint64_t start_ = 0;  // the offset of bytes_[0]
  std::uint64_t taken_ = 0;
};

}  // namespace ionian::worker
