#pragma once
// The one door to chance. Ids, secrets and jitter take a Random, so that the simulator repeats a
// run from its seed.
#include <cstdint>
#include <random>
#include <span>
#include <string>

#include "base/clock.h"

namespace ionian {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t u64();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// The kernel's generator: unpredictable, for everything that must not be guessed. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

// Repeatable, for tests and the simulator only. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::mt19937_64 engine_;
};

// n characters of [0-9A-Za-z], evenly drawn.
std::string random_base62(Random& random, std::size_t n);
// 26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits. Sorts by
// time.
std::string random_ulid(Random& random, Time now);

}  // namespace ionian
