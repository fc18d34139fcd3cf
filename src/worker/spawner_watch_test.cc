#include "worker/spawner_watch.h"

#include <gtest/gtest.h>

namespace ionian::worker {
namespace {

using Wish = SpawnerWatch::Wish;

class SpawnerWatchTest : public testing::Test {
 protected:
  // At the time that it has asked for, or `late`.
  Wish next(std::uint64_t requests, Duration late = 0s) {
    clock_.set(watch_.again() + late);
    return watch_.look(requests, clock_.now());
  }
  Wish now(std::uint64_t requests) { return watch_.look(requests, clock_.now()); }

  FakeClock clock_;
  SpawnerWatch watch_{20s};
};

TEST_F(SpawnerWatchTest, NothingIsDoneWhereNothingIsAsked) {
  EXPECT_EQ(now(0), Wish::kNothing);
  EXPECT_EQ(watch_.again(), Time::max());
}

TEST_F(SpawnerWatchTest, OneThatAnswersIsAskedOnce) {
  EXPECT_EQ(now(1), Wish::kNothing);
  EXPECT_EQ(watch_.again(), clock_.now() + 5s);
  EXPECT_EQ(now(2), Wish::kNothing);
  EXPECT_EQ(next(3), Wish::kPing);
  watch_.answered();
  EXPECT_EQ(now(3), Wish::kNothing);
  EXPECT_EQ(watch_.again(), Time::max());
  EXPECT_EQ(now(4), Wish::kNothing);
  EXPECT_EQ(next(4), Wish::kPing);
}

TEST_F(SpawnerWatchTest, OneThatIsSilentIsGivenUp) {
  const Time begin = clock_.now();
  now(1);
  EXPECT_EQ(next(1), Wish::kPing);
  EXPECT_EQ(next(2), Wish::kNothing);
  EXPECT_EQ(next(2), Wish::kNothing);
  EXPECT_EQ(next(2), Wish::kGiveUp);
  EXPECT_EQ(clock_.now() - begin, 20s);
}

TEST_F(SpawnerWatchTest, WhatIsAskedAfterAPingWantsAnotherOne) {
  now(1);
  EXPECT_EQ(next(1), Wish::kPing);
  now(2);
  watch_.answered();
  now(2);
  EXPECT_EQ(next(2), Wish::kPing);
}

TEST_F(SpawnerWatchTest, OneThatSaysSomethingElseIsBusy) {
  now(1);
  EXPECT_EQ(next(1), Wish::kPing);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(next(1), Wish::kNothing);
    EXPECT_EQ(next(1), Wish::kNothing);
    watch_.heard();
  }
}

TEST_F(SpawnerWatchTest, AClockThatJumpsIsOneLook) {
  now(1);
  EXPECT_EQ(next(1, 24h), Wish::kPing);
  EXPECT_EQ(next(1, 24h), Wish::kNothing);
  EXPECT_EQ(next(1, 24h), Wish::kNothing);
}

}  // namespace
}  // namespace ionian::worker
