#pragma once
// The simulated world: one core, a clock that moves only when something happens, chance from a
// seed, and a queue of what will happen. The same seed gives the same run, step by step.
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "core/core.h"

namespace ionian::sim {

class World {
 public:
  World(std::uint64_t seed, bool verbose);

  // --- chance -----------------------------------------------------------------------------------
  std::uint64_t below(std::uint64_t bound) { return chance_.below(bound); }
  bool one_in(std::uint64_t n) { return chance_.below(n) == 0; }
  Duration between(Duration least, Duration most);

  // --- time -------------------------------------------------------------------------------------
  Time now() const { return now_; }
  void after(Duration wait, std::function<void()> event);
  // The machine slept: everything that was due meanwhile comes late.
  void jump(Duration by) { now_ += by; }
  // The server dies and starts again with an empty core.
  void restart();
  // Lets the next thing happen: an event, or a time that the core has asked for. False if there is
  // nothing.
  bool advance();
  std::uint64_t steps() const { return steps_; }

  // --- what went wrong --------------------------------------------------------------------------
  template <class... Parts>
  void violation(const Parts&... parts) {
    if (violation_.empty()) violation_ = cat(parts...);
  }
  const std::string& violated() const { return violation_; }
  template <class... Parts>
  void trace(const Parts&... parts) {
    if (verbose_) write_trace(cat(parts...));
  }

  // The last phase: new containers work, nobody vanishes, so that all that was accepted must come
  // to its end.
  bool calm = false;

  // Somebody stops containers that work, again and again. In a part of the worlds, so that seeds
  // which once found a mistake go on as they did.
  const bool stops;
  // The machine's clock was wrong, and is set back while the server does not run.
  const bool set_back;

 private:
  static core::Limits draw_limits(World& world);
  void write_trace(const std::string& text) const;

  SeededRandom chance_, ids_;
  const bool verbose_;
  Time now_{1'800'000'000s};
  std::multimap<Time, std::function<void()>> queue_;
  std::uint64_t steps_ = 0;
  std::string violation_;

 public:
  const core::Limits limits;
  core::Core core;
};

}  // namespace ionian::sim
