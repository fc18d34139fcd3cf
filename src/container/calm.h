#pragma once
// When a spawner makes ahead what the next containers need: that takes long. The least that it
// wants to have ready it makes as soon as it has nothing else to do, the rest only while nobody has
// asked for anything for a while.
#include <algorithm>
#include <cstddef>

namespace ionian::container {

enum class Stock { kLeast, kFull };

// Of what is `full` when it is full.
constexpr std::size_t wanted(Stock stock, std::size_t full) {
  return stock == Stock::kLeast ? full / 2 : full;
}

class Calm {
 public:
  // For how long to wait for an event; -1: for ever. `ended`: one must look again soon.
  int wait_ms(bool ended) const {
    if (ended) return 1;
    return done_ ? -1 : has_least_ ? kMs - passed_ms_ : 0;
  }
  void event() { *this = Calm(); }
  // No event came within that time. `refill` returns false when it has nothing to make.
  template <class Refill>
  void idle(int waited_ms, const Refill& refill) {
    passed_ms_ = std::min(passed_ms_ + std::max(waited_ms, 0), kMs);
    if (!has_least_)
      has_least_ = !refill(Stock::kLeast);
    else if (!done_ && passed_ms_ == kMs)
      done_ = !refill(Stock::kFull);
  }

 private:
  static constexpr int kMs = 20;
  int passed_ms_ = 0;
  bool has_least_ = false;
  bool done_ = false;
};

}  // namespace ionian::container
