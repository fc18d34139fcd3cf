#pragma once
// Whether the spawner still does what it is asked. Decides only; the worker does. A spawner may
// take its time for each single thing, so what counts is that it says nothing at all, although it
// owes the answer to a ping.
#include <cstdint>

#include "base/clock.h"

namespace ionian::worker {

class SpawnerWatch {
 public:
  // It is given up after `silence`, of which several looks have to be part: where the clock jumps,
  // or where this process stood still as well, one of them was too long.
  explicit SpawnerWatch(Duration silence, std::uint64_t requests = 0)
      : step_(silence / kLooks), answered_(requests) {}

  enum class Wish { kNothing, kPing, kGiveUp };
  // `requests`: how many it has got so far.
  Wish look(std::uint64_t requests, Time now);
  void heard() { silent_ = 0; }  // anything
  void answered();               // the ping
  // When to look again although nothing happens.
  Time again() const { return next_; }

 private:
  static constexpr int kLooks = 4;

  Duration step_;
  std::uint64_t answered_;  // requests, with those before a ping that is under way
  bool pinged_ = false;
  int silent_ = 0;  // looks since the last sign of life
  Time next_ = Time::max();
};

}  // namespace ionian::worker
