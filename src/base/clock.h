#pragma once
// The one door to time. Everything that needs to know it takes a Clock, so that tests and the
// simulator own it.
#include <algorithm>
#include <chrono>
#include <string>

namespace ionian {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;
using namespace std::chrono_literals;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

// Wall time at construction plus what the steady clock has counted since: never runs backwards,
// whatever is done to the machine's clock while the process lives.
class SystemClock final : public Clock {
 public:
  using Wall = std::chrono::system_clock;
  using Steady = std::chrono::steady_clock;
  explicit SystemClock(Wall::time_point (*wall)() = Wall::now,
                       Steady::time_point (*steady)() = Steady::now)
      : steady_(steady), wall_then_(wall()), steady_then_(steady()) {}
  Time now() const override { return wall_then_ + (steady_() - steady_then_); }

 private:
  Steady::time_point (*const steady_)();
  const Time wall_then_;
  const Steady::time_point steady_then_;
};

// What the machine shows. Whoever asks it must bear that it is set, forwards or back.
class WallClock final : public Clock {
 public:
  Time now() const override { return std::chrono::system_clock::now(); }
};

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = Time{1'800'000'000s}) : now_(start) {}
  Time now() const override { return now_; }
  void advance(Duration by) { now_ += by; }
  void set(Time to) { now_ = to; }

 private:
  Time now_;
};

// Seconds since the epoch, as the wire carries times.
inline double to_unix_seconds(Time t) {
  return std::chrono::duration<double>(t.time_since_epoch()).count();
}
inline std::int64_t to_unix_ms(Time t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}
// "2026-11-22 04:48:00+00:00"
std::string utc_text(Time t);
// Clients may say any number: one that no Time can be is the latest or the earliest of these.
inline Time from_unix_ms(std::int64_t ms) {
  constexpr std::int64_t kMost =
      std::chrono::floor<std::chrono::milliseconds>(Time::max().time_since_epoch()).count();
  return Time{std::chrono::milliseconds{std::clamp(ms, -kMost, kMost)}};
}
inline Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace ionian
