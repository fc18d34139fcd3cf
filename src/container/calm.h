#pragma once
// When a spawner makes ahead what the next containers need: that takes long, so that it is done
// only while nobody has asked for anything for a while.
#include <algorithm>

namespace ionian::container {

class Calm {
 public:
  // For how long to wait for an event; -1: for ever. `ended`: one must look again soon.
  int wait_ms(bool ended) const { return ended ? 1 : done_ ? -1 : kMs - passed_ms_; }
  void event() { passed_ms_ = 0, done_ = false; }
  // No event came within that time. `refill` returns false when nothing is left to make.
  template <class Refill>
  void idle(int waited_ms, const Refill& refill) {
    passed_ms_ = std::min(passed_ms_ + std::max(waited_ms, 0), kMs);
    if (!done_ && passed_ms_ == kMs) done_ = !refill();
  }

 private:
  static constexpr int kMs = 20;
  int passed_ms_ = 0;
  bool done_ = false;
};

}  // namespace ionian::container
