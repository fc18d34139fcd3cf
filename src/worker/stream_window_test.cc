#include "worker/stream_window.h"

#include <gtest/gtest.h>

namespace ionian::worker {
namespace {

TEST(StreamWindow, GivesWhatWasPrintedByOffset) {
  StreamWindow window(10);
  EXPECT_EQ(window.read(0, 100), "");
  window.push("abcdef");
  EXPECT_EQ(window.read(0, 100), "abcdef");
  EXPECT_EQ(window.read(2, 2), "cd");
  EXPECT_EQ(window.read(0, 1), "a");
  EXPECT_EQ(window.read(7, 1), "");
}

TEST(StreamWindow, KeepsWhatNobodyHasTakenAndThenHasNoRoom) {
  StreamWindow window(10);
  window.push("0123456789");
  EXPECT_EQ(window.room(), 0u);
  EXPECT_EQ(window.read(0, 4), "0123");
  EXPECT_EQ(window.room(), 0u);  // it is taken once the reader goes on behind it
  EXPECT_EQ(window.read(4, 4), "4567");
  EXPECT_EQ(window.room(), 4u);
}

TEST(StreamWindow, DropsTheOldestThatWasTakenAndSaysSo) {
  StreamWindow window(10);
  window.push("0123456789");
  ASSERT_TRUE(window.read(10, 1));
  window.push("abcdef");
  EXPECT_LE(window.kept(), 10u);
  EXPECT_EQ(window.read(10, 100), "abcdef");
  const auto lost = window.read(0, 1);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kOutOfRange);
  EXPECT_EQ(window.end(), 16u);
}

}  // namespace
}  // namespace ionian::worker
