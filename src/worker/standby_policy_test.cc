#include "worker/standby_policy.h"

#include <gtest/gtest.h>

#include "base/cat.h"

namespace ionian::worker {
namespace {

using namespace std::chrono_literals;

class StandbyPolicyTest : public testing::Test {
 protected:
  // Does what the policy wishes until it has no wish left; each new one gets ready at once.
  void settle(bool memory_short = false) {
    for (;;) {
      const auto wish = policy_.decide(now_, memory_short);
      ended_ += wish.end.size();
      if (!wish.begin) return;
      const std::string id = cat(*wish.begin, '-', ++count_);
      policy_.began(*wish.begin, id, now_);
      policy_.ready(id);
    }
  }
  bool hit(const std::string& key) { return policy_.take(key, now_).has_value(); }

  StandbyPolicy policy_{{.most = 6, .keep = 10min}};
  Time now_{1000h};
  int count_ = 0;
  std::size_t ended_ = 0;
};

TEST_F(StandbyPolicyTest, TheFirstTaskFindsNoneAndTheNextOne) {
  EXPECT_FALSE(hit("a"));
  settle();
  EXPECT_EQ(policy_.count(), 1u);
  EXPECT_FALSE(hit("b"));
  EXPECT_TRUE(hit("a"));
  EXPECT_FALSE(hit("a"));
}

TEST_F(StandbyPolicyTest, ABurstIsExpectedAgain) {
  for (int i = 0; i < 4; ++i) hit("a");
  settle();
  EXPECT_EQ(policy_.count(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(hit("a"));
  EXPECT_FALSE(hit("a"));
}

TEST_F(StandbyPolicyTest, TasksOneAfterTheOtherNeedOne) {
  for (int i = 0; i < 5; ++i, now_ += 20s) hit("a"), settle();
  EXPECT_EQ(policy_.count(), 1u);
}

TEST_F(StandbyPolicyTest, ThereAreNeverMoreThanAllowedAndEachKeyHasOneFirst) {
  for (int i = 0; i < 50; ++i) hit("a");
  hit("b");
  settle();
  EXPECT_EQ(policy_.count(), 6u);
  EXPECT_TRUE(hit("b"));
  EXPECT_TRUE(hit("a"));
}

TEST_F(StandbyPolicyTest, KeysThatWereUsedLastGoFirst) {
  for (int i = 0; i < 9; ++i, now_ += 1s) hit(cat("key", i));
  settle();
  EXPECT_FALSE(hit("key0"));
  for (int i = 3; i < 9; ++i) EXPECT_TRUE(hit(cat("key", i))) << i;
}

TEST_F(StandbyPolicyTest, WithoutTasksTheyEnd) {
  hit("a"), settle();
  now_ += 9min, settle();
  EXPECT_EQ(policy_.count(), 1u);
  EXPECT_TRUE(policy_.restless());
  now_ += 1min, settle();
  EXPECT_EQ(policy_.count(), 0u);
  EXPECT_EQ(ended_, 1u);
  EXPECT_FALSE(policy_.restless());
}

TEST_F(StandbyPolicyTest, HalfGoWhenMemoryIsShortAndNoneComes) {
  for (int i = 0; i < 4; ++i) hit("a");
  settle();
  settle(true);
  EXPECT_EQ(policy_.count(), 2u);
  hit("b");
  settle(true);
  EXPECT_EQ(policy_.count(), 2u);
  settle();
  EXPECT_EQ(policy_.count(), 5u);
}

TEST_F(StandbyPolicyTest, OneThatIsNotReadyIsNotGiven) {
  hit("a");
  EXPECT_EQ(policy_.decide(now_, false).begin, "a");
  policy_.began("a", "x", now_);
  EXPECT_FALSE(hit("a"));
  EXPECT_FALSE(policy_.decide(now_, false).begin) << "one at a time";
}

TEST_F(StandbyPolicyTest, AKeyWhoseStandbysFailWaitsLongerEachTime) {
  for (const auto pause : {1min, 2min, 4min}) {
    hit("a");
    ASSERT_EQ(policy_.decide(now_, false).begin, "a");
    policy_.began("a", "x", now_);
    policy_.ended("x", now_);
    hit("a");
    EXPECT_FALSE(policy_.decide(now_ + pause - 1s, false).begin);
    now_ += pause;
  }
}

TEST(StandbyPolicyQuietTest, WhileTasksComeNoneIsBegunForAWhile) {
  StandbyPolicy policy({.most = 6, .quiet = 100ms});
  Time now{1000h};
  policy.take("a", now);
  EXPECT_FALSE(policy.decide(now, false).begin);
  EXPECT_EQ(policy.decide(now, false).again, now + 100ms);
  EXPECT_EQ(policy.decide(now + 100ms, false).begin, "a");
  // Those that come all the time do not put it off for ever.
  for (int i = 0; i < 7; ++i, now += 50ms) {
    policy.take("a", now);
    EXPECT_FALSE(policy.decide(now, false).begin) << i;
  }
  EXPECT_EQ(policy.decide(now + 50ms, false).begin, "a");
}

TEST(StandbyPolicyQuietTest, AClockThatIsSetBackDoesNotMakeItWait) {
  StandbyPolicy policy({.most = 6, .quiet = 100ms});
  const Time now{1000h};
  policy.take("a", now);
  EXPECT_FALSE(policy.decide(now, false).begin);
  EXPECT_FALSE(policy.decide(now - 1h, false).begin);
  EXPECT_EQ(policy.decide(now - 1h + 100ms, false).begin, "a");
}

TEST_F(StandbyPolicyTest, OneThatHangsWhileItLoadsHoldsUpTheOthersForAMinute) {
  hit("hangs");
  const auto wish = policy_.decide(now_, false);
  policy_.began(*wish.begin, "hung", now_);
  hit("fine");
  now_ += 59s;
  EXPECT_FALSE(policy_.decide(now_, false).begin);
  now_ += 1s;
  const auto next = policy_.decide(now_, false);
  EXPECT_EQ(next.end, std::vector<std::string>{"hung"});
  EXPECT_EQ(next.begin, "fine") << "it has to wait, and the others need not";
  policy_.began("fine", "fine-1", now_);
  policy_.ready("fine-1");
  EXPECT_FALSE(policy_.decide(now_, false).begin);
  now_ += 61s;
  EXPECT_EQ(policy_.decide(now_, false).begin, "hangs");
}

TEST_F(StandbyPolicyTest, NoneAllowedMeansNone) {
  StandbyPolicy none({.most = 0});
  EXPECT_FALSE(none.take("a", now_));
  EXPECT_FALSE(none.decide(now_, false).begin);
  EXPECT_FALSE(none.restless());
}

class ZygotePolicyTest : public testing::Test {
 protected:
  using Kind = StandbyPolicy::Kind;
  // What it begins next, which gets ready at once.
  std::string next() {
    const auto wish = policy_.decide(now_, false);
    if (!wish.begin) return "nothing";
    const bool zygote = wish.kind == Kind::kZygote;
    const std::string id = cat(zygote ? "zygote of " : "standby of ", *wish.begin, ' ', ++count_);
    policy_.began(*wish.begin, id, now_, wish.kind);
    if (!zygote || works_) policy_.ready(id);
    if (zygote && !works_) policy_.ended(id, now_);
    return id.substr(0, id.rfind(' '));
  }

  StandbyPolicy policy_{{.most = 4, .keep = 10min, .zygotes = true}};
  Time now_{1000h};
  int count_ = 0;
  bool works_ = true;
};

TEST_F(ZygotePolicyTest, AZygoteComesFirstAndCounts) {
  for (int i = 0; i < 9; ++i) policy_.take("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), "standby of a");
  EXPECT_EQ(next(), "nothing");
  EXPECT_EQ(policy_.ready_count(), 3u);
  EXPECT_EQ(policy_.zygote("a").value_or(""), "zygote of a 1");
  EXPECT_EQ(policy_.zygote("b"), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_NE(policy_.take("a", now_), std::nullopt);
  EXPECT_EQ(policy_.take("a", now_), std::nullopt);  // a zygote is no standby
}

TEST_F(ZygotePolicyTest, OneThatNeverGetsReadyIsTheLast) {
  works_ = false;
  policy_.take("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  EXPECT_EQ(next(), "nothing");
  now_ += 1min;
  EXPECT_EQ(next(), "standby of a");
}

TEST_F(ZygotePolicyTest, OneWhoseCopiesFailIsTheLast) {
  policy_.take("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  for (const char* copy : {"one", "two"}) {
    now_ += 1min;
    EXPECT_EQ(policy_.decide(now_, false).kind, Kind::kStandby);
    policy_.began("a", copy, now_);
    EXPECT_TRUE(policy_.ended(copy, now_));
  }
  EXPECT_EQ(policy_.decide(now_, false).end, std::vector<std::string>{"zygote of a 1"});
  EXPECT_EQ(next(), "standby of a");
}

TEST_F(ZygotePolicyTest, OneThatMakesNoCopyIsReplacedOnce) {
  policy_.take("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  // A standby and two tasks wait for it.
  policy_.began("a", "copy", now_);
  for (const char* copy : {"copy", "task 1", "task 2"})
    policy_.not_copied("a", "zygote of a 1", copy);
  EXPECT_EQ(policy_.zygote("a"), std::nullopt);
  EXPECT_EQ(policy_.decide(now_, false).end, std::vector<std::string>{"zygote of a 1"});
  EXPECT_EQ(next(), "zygote of a");
  // It may have ended before that is known.
  EXPECT_TRUE(policy_.ended("zygote of a 2", now_));
  policy_.not_copied("a", "zygote of a 2", "task 3");
  EXPECT_EQ(next(), "standby of a");
  EXPECT_EQ(next(), "nothing");
}

TEST_F(ZygotePolicyTest, OneThatMakesNoCopyNowAndThenIsReplacedEachTime) {
  policy_.take("a", now_);
  for (int i = 1; i < 4; ++i) {
    EXPECT_EQ(next(), "zygote of a");
    policy_.copied("a");
    policy_.not_copied("a", cat("zygote of a ", i), "task");
  }
}

TEST_F(ZygotePolicyTest, OneThatDiesLaterIsReplaced) {
  policy_.take("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  EXPECT_EQ(next(), "standby of a");
  EXPECT_TRUE(policy_.ended("zygote of a 1", now_));
  EXPECT_EQ(next(), "zygote of a");
}

TEST_F(ZygotePolicyTest, WhereItIsForbiddenThereIsNone) {
  policy_.take("a", now_);
  policy_.forbid_zygote("a");
  EXPECT_EQ(next(), "standby of a");
  EXPECT_EQ(next(), "nothing");
}

TEST_F(ZygotePolicyTest, WhenMemoryIsShortItGoesWithItsStandby) {
  policy_.take("a", now_);
  next(), next();
  EXPECT_EQ(policy_.decide(now_, true).end.size(), 2u);
  EXPECT_EQ(policy_.count(), 0u);
}

TEST_F(ZygotePolicyTest, TasksThatNoStandbySuitsHaveAZygoteAlone) {
  for (int i = 0; i < 9; ++i) policy_.came_bound("a", now_);
  EXPECT_EQ(next(), "zygote of a");
  EXPECT_EQ(next(), "nothing");
  EXPECT_EQ(policy_.take("a", now_), std::nullopt);
  EXPECT_EQ(next(), "standby of a");
  EXPECT_EQ(next(), "nothing");
  now_ += 9min;
  policy_.came_bound("a", now_);
  now_ += 2min;  // the other one is forgotten
  EXPECT_EQ(policy_.decide(now_, false).end.size(), 1u);
  EXPECT_TRUE(policy_.zygote("a"));
  now_ += 10min;
  EXPECT_EQ(policy_.decide(now_, false).end.size(), 1u);
  EXPECT_FALSE(policy_.restless());
}

TEST_F(ZygotePolicyTest, BothEndLongAfterTheLastTask) {
  policy_.take("a", now_);
  next(), next();
  now_ += 10min;
  EXPECT_EQ(policy_.decide(now_, false).end.size(), 2u);
}

}  // namespace
}  // namespace ionian::worker
