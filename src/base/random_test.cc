#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

#include "base/ids.h"

namespace ionian {
namespace {

TEST(Random, SeedRepeatsItself) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(random_base62(a, 22), random_base62(b, 22));
  EXPECT_NE(random_base62(a, 22), random_base62(c, 22));
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  SeededRandom random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(random.below(5));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4}));
}

TEST(Ulid, HasTheAlphabetAndSortsByTime) {
  SeededRandom random(3);
  const Time t{std::chrono::seconds{1'800'000'000}};
  const std::string early = random_ulid(random, t), late = random_ulid(random, t + 1ms);
  EXPECT_EQ(early.size(), 26u);
  EXPECT_EQ(early.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
  EXPECT_LT(early, late);
}

TEST(Ids, CarryTheirPrefixAndRefuseOthers) {
  SeededRandom random(5);
  const AppId app = AppId::make(random, Time{});
  EXPECT_TRUE(app.well_formed());
  EXPECT_EQ(app.str().size(), 3u + 22u);
  EXPECT_FALSE(FunctionId(app.str()).well_formed());
  EXPECT_FALSE(AppId("ap-a-b").well_formed());
  EXPECT_FALSE(AppId("ap-").well_formed());
}

TEST(Ids, NoFunctionTaskEndsInV) {
  SeededRandom random(9);
  for (int i = 0; i < 2000; ++i) ASSERT_NE(make_function_task_id(random, Time{}).str().back(), 'V');
}

}  // namespace
}  // namespace ionian
