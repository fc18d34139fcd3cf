#include "base/clock.h"

#include <gtest/gtest.h>

namespace ionian {
namespace {

TEST(SystemClock, CountsOnFromItsStartHoweverTheMachinesClockJumps) {
  static Time wall{1'800'000'000s};
  static std::chrono::steady_clock::time_point steady{1h};
  const SystemClock clock([] { return wall; }, [] { return steady; });
  EXPECT_EQ(clock.now(), wall);
  for (const Duration jump : {-24h, 24h, 10 * 365 * 24h}) {
    const Time before = clock.now();
    wall += jump;
    EXPECT_EQ(clock.now(), before);
    steady += 3s;
    EXPECT_EQ(clock.now(), before + 3s);
  }
}

}  // namespace
}  // namespace ionian
