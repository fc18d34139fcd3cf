#include "rpc/idempotency.h"

#include <gtest/gtest.h>

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
  IdempotentReplies replies{clock};
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
  for (std::size_t i = 0; i < IdempotentReplies::kEntriesMax + 1; ++i) {
    claim(std::to_string(i));
    replies.complete(std::to_string(i), "");
  }
  EXPECT_EQ(replies.size(), IdempotentReplies::kEntriesMax);
  EXPECT_EQ(claim("1"), Claim::kRepeated);
  EXPECT_EQ(claim("0"), Claim::kFirst);
}

TEST_F(IdempotentRepliesTest, TheBytesAreBounded) {
  const std::string big(IdempotentReplies::kBytesMax / 4, 'x');
  for (int i = 0; i < 8; ++i) {
    claim(std::to_string(i));
    replies.complete(std::to_string(i), big);
  }
  EXPECT_EQ(replies.size(), 3u);
  EXPECT_EQ(claim("7"), Claim::kRepeated);
}

TEST_F(IdempotentRepliesTest, AReplyThatIsTooLargeToKeepDrivesNoOtherOut) {
  claim("small");
  replies.complete("small", "reply");
  claim("large");
  claim("large");
  replies.complete("large", std::string(IdempotentReplies::kBytesMax + 1, 'x'));
  EXPECT_EQ(got.size(), 1u);
  EXPECT_EQ(claim("small"), Claim::kRepeated);
  EXPECT_EQ(claim("large"), Claim::kFirst);
}

}  // namespace
}  // namespace ionian::rpc
