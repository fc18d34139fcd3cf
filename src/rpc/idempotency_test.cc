#include "rpc/idempotency.h"

#include <gtest/gtest.h>

#include <map>

namespace ionian::rpc {
namespace {

using Claim = IdempotentReplies::Claim;

class IdempotentRepliesTest : public testing::Test {
 protected:
  Claim claim(const std::string& key, const std::string& hash = "hash") {
    return replies.claim(key, hash, [this](const IdempotentReplies::Outcome& outcome) {
      got.push_back(outcome ? *outcome : outcome.error().message);
    });
  }
  FakeClock clock;
  std::map<std::string, std::string> written;  // by handlers, with what they did
  std::vector<std::string> asked;              // for which of them
  static constexpr std::size_t kEntriesMax = 1000;
  std::optional<std::string> recall(const std::string& key) {
    asked.push_back(key);
    if (!written.contains(key)) return std::nullopt;
    return written[key];
  }
  IdempotentReplies replies{clock,
                            {.recall = [this](const std::string& key) { return recall(key); },
                             .entries_max = kEntriesMax}};
  std::vector<std::string> got;  // what repeated calls were answered
};

TEST_F(IdempotentRepliesTest, ARepeatedCallGetsTheFirstReply) {
  EXPECT_EQ(claim("key"), Claim::kFirst);
  replies.complete("key", "reply");
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  EXPECT_EQ(got, std::vector<std::string>{"reply"});
  EXPECT_EQ(claim("another key"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, CallsThatComeMeanwhileWaitForTheFirst) {
  claim("key");
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  EXPECT_TRUE(got.empty());
  replies.complete("key", "reply");
  EXPECT_EQ(got, (std::vector<std::string>{"reply", "reply"}));
}

TEST_F(IdempotentRepliesTest, AnErrorIsHandedOnButNotKept) {
  claim("key");
  claim("key");
  replies.complete("key", fail(Code::kUnavailable, "no"));
  EXPECT_EQ(got, std::vector<std::string>{"no"});
  EXPECT_EQ(claim("key"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, AnotherRequestUnderTheSameKeyIsAConflict) {
  claim("key", "one");
  EXPECT_EQ(claim("key", "two"), Claim::kConflict);
  replies.complete("key", "reply");
  EXPECT_EQ(claim("key", "two"), Claim::kConflict);
  EXPECT_TRUE(got.empty());
}

TEST_F(IdempotentRepliesTest, AReplyIsKeptForTenMinutes) {
  claim("key");
  replies.complete("key", "reply");
  clock.advance(IdempotentReplies::kKeep);
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  clock.advance(1ms);
  EXPECT_EQ(claim("key"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, WhatAFormerLifeHasKeptIsGivenAgainUntilItsTimeIsUp) {
  replies.remember("key", "hash", "reply", clock.now() - 9min);
  replies.remember("old", "hash", "reply", clock.now() - 11min);
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  EXPECT_EQ(got, std::vector<std::string>{"reply"});
  EXPECT_EQ(claim("key", "another request"), Claim::kConflict);
  clock.advance(2min);
  EXPECT_EQ(claim("key"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, ARunningCallIsNotForgottenHoweverLongItTakes) {
  claim("key");
  clock.advance(1h);
  EXPECT_EQ(claim("key"), Claim::kRepeated);
  replies.complete("key", "reply");
  EXPECT_EQ(got, std::vector<std::string>{"reply"});
}

TEST_F(IdempotentRepliesTest, AReplyThatTookLongIsKeptFromItsEnd) {
  claim("key");
  clock.advance(1h);
  replies.complete("key", "reply");
  EXPECT_EQ(claim("key"), Claim::kRepeated);
}

TEST_F(IdempotentRepliesTest, TheNumberIsBoundedAndTheOldestGoFirst) {
  for (std::size_t i = 0; i < kEntriesMax + 1; ++i) {
    claim(std::to_string(i));
    replies.complete(std::to_string(i), "");
  }
  EXPECT_EQ(replies.size(), kEntriesMax);
  EXPECT_EQ(claim("1"), Claim::kRepeated);
  EXPECT_EQ(claim("0"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, TheBytesInMemoryAreBoundedAndTheRestIsAskedFor) {
  const std::string big(IdempotentReplies::kReplyBytesMax, 'x');
  const auto count = static_cast<int>(IdempotentReplies::kBytesMax / big.size()) + 1;
  for (int i = 0; i < count; ++i) {
    claim(std::to_string(i));
    replies.complete(std::to_string(i), big);
  }
  // Each has a key too, so that one less than so many fit.
  EXPECT_EQ(claim("2"), Claim::kRepeated);
  EXPECT_EQ(asked, std::vector<std::string>{});
  written["1"] = "as it was written down";
  EXPECT_EQ(claim("1"), Claim::kRepeated);
  EXPECT_EQ(got, (std::vector<std::string>{big, "as it was written down"}));
  EXPECT_EQ(claim("1", "another request"), Claim::kConflict);
  EXPECT_EQ(claim("0"), Claim::kFirst) << "it is written down nowhere";
  EXPECT_EQ(claim("0"), Claim::kRepeated) << "waits for the second attempt";
  EXPECT_EQ(asked, (std::vector<std::string>{"1", "0"}));
}

TEST_F(IdempotentRepliesTest, ALargeReplyDrivesNoOtherOutAndIsAskedFor) {
  claim("small");
  replies.complete("small", "reply");
  claim("large");
  claim("large");
  const std::string large(IdempotentReplies::kBytesMax + 1, 'x');
  replies.complete("large", large);
  EXPECT_EQ(got.size(), 1u);
  replies.remember("large of a former life", "hash", std::nullopt, clock.now());
  EXPECT_EQ(claim("small"), Claim::kRepeated);
  EXPECT_EQ(asked, std::vector<std::string>{});
  written["large"] = large;
  written["large of a former life"] = "another";
  EXPECT_EQ(claim("large"), Claim::kRepeated);
  EXPECT_EQ(got.back(), large);
  EXPECT_EQ(claim("large of a former life"), Claim::kRepeated);
  EXPECT_EQ(got.back(), "another");
  clock.advance(IdempotentReplies::kKeep + 1ms);
  EXPECT_EQ(claim("large"), Claim::kFirst);
}

}  // namespace
}  // namespace ionian::rpc
