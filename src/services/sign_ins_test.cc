#include "services/sign_ins.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/random.h"
#include "services/identity.h"

namespace ionian::services {
namespace {

class Sessions : public testing::Test {
 protected:
  std::string begin(const char* user) {
    return sign_ins.begin_session(clock.now(), {.user = UserId(user), .address = "192.0.2.1"});
  }
  bool open(const std::string& cookie) {
    return sign_ins.session(clock.now(), cookie, "192.0.2.9").has_value();
  }

  FakeClock clock;
  SystemRandom random;
  const std::string path = testing::TempDir() + "sign_ins_test.key";
  KeyFile key = [this] {
    std::filesystem::remove(path);
    return *KeyFile::open(path, random);
  }();
  SignIns sign_ins{key, random};
};

TEST_F(Sessions, EndByIdlenessAndAgeAndSaySo) {
  const std::string cookie = begin("us-1");
  for (int hours = 0; hours < 22; hours += 11) {
    clock.advance(11h);
    EXPECT_TRUE(open(cookie));
  }
  clock.advance(13h);
  EXPECT_FALSE(open(cookie));
  EXPECT_TRUE(sign_ins.has_ended(clock.now(), cookie));
  EXPECT_FALSE(sign_ins.has_ended(clock.now(), "another"));
  // A visitor was never signed in, so is never signed out.
  const std::string visitor = sign_ins.begin_session(clock.now(), {});
  clock.advance(13h);
  EXPECT_FALSE(sign_ins.has_ended(clock.now(), visitor));
  const std::string busy = begin("us-1");
  for (int n = 0; n < 30 * 24 / 11; ++n) {
    clock.advance(11h);
    ASSERT_TRUE(open(busy));
  }
  clock.advance(11h);
  EXPECT_FALSE(open(busy));
}

TEST_F(Sessions, GoOnUnderANewValueOnly) {
  const std::string cookie = begin("us-1");
  sign_ins.keep_flash(cookie, "said");
  const std::string renewed = sign_ins.renew_session(cookie);
  EXPECT_NE(renewed, cookie);
  EXPECT_FALSE(open(cookie));
  EXPECT_TRUE(open(renewed));
  EXPECT_EQ(sign_ins.take_flash(renewed), "said");
  EXPECT_EQ(sign_ins.take_flash(renewed), "");
}

TEST_F(Sessions, AreListedToTheirOwnerAndEndedOneByOne) {
  const std::string mine = begin("us-1"), phone = begin("us-1"), other = begin("us-2");
  clock.advance(1min);
  EXPECT_TRUE(open(mine));
  const auto listed = sign_ins.sessions_of(clock.now(), UserId("us-1"), mine);
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_TRUE(listed[0].current);
  EXPECT_EQ(listed[0].address, "192.0.2.9");
  EXPECT_EQ(listed[1].address, "192.0.2.1");
  EXPECT_FALSE(sign_ins.end_listed(UserId("us-2"), listed[1].id));
  EXPECT_TRUE(sign_ins.end_listed(UserId("us-1"), listed[1].id));
  EXPECT_FALSE(open(phone));
  EXPECT_TRUE(open(mine) && open(other));
  EXPECT_EQ(sign_ins.end_sessions_of(UserId("us-1"), mine), 0u);
  EXPECT_EQ(sign_ins.end_sessions_of(UserId("us-1")), 1u);
  EXPECT_FALSE(open(mine));
}

TEST_F(Sessions, FormsOfOneUseWorkOnce) {
  const std::string cookie = begin("us-1");
  const std::string first = random_ulid(random, clock.now());
  EXPECT_EQ(sign_ins.claim_once(cookie, first), std::nullopt);
  EXPECT_EQ(sign_ins.claim_once(cookie, first), "");
  sign_ins.note_once(cookie, first, "deploy");
  EXPECT_EQ(sign_ins.claim_once(cookie, first), "deploy");
  // Also once it has been forgotten among many later ones.
  for (int n = 0; n < 100; ++n) {
    clock.advance(1s);
    EXPECT_EQ(sign_ins.claim_once(cookie, random_ulid(random, clock.now())), std::nullopt);
  }
  EXPECT_TRUE(sign_ins.claim_once(cookie, first).has_value());
}

}  // namespace
}  // namespace ionian::services
