#include "container/user.h"

#include <gtest/gtest.h>

namespace ionian::container {
namespace {

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken line\n"
    "web:x:33:34:www:/var/www:/bin/sh\n"
    "far:x:70000:70000::/:/bin/sh\n"
    "1234:x:55:56::/strange:/bin/sh\n";
constexpr const char* kGroup = "root:x:0:\nwww:x:34:\naudio:x:29:web,root\nvideo:x:44:root,web\n";

User found(std::string_view wanted) {
  const Result<User> user = find_user(wanted, kPasswd, kGroup);
  EXPECT_TRUE(user) << (user ? "" : user.error().message);
  return user ? *user : User{.uid = 999'999};
}

TEST(FindUser, ANameHasItsGroupsAndHome) {
  const User web = found("web");
  EXPECT_EQ(web.uid, 33u);
  EXPECT_EQ(web.gid, 34u);
  EXPECT_EQ(web.groups, (std::vector<gid_t>{29, 44}));
  EXPECT_EQ(web.home, "/var/www");
  EXPECT_EQ(found("33").home, "/var/www");
}

TEST(FindUser, AGroupOfOnesOwnReplacesAllOthers) {
  const User web = found("web:audio");
  EXPECT_EQ(web.gid, 29u);
  EXPECT_TRUE(web.groups.empty());
  EXPECT_EQ(found("web:7").gid, 7u);
}

TEST(FindUser, ANumberNeedsNoEntry) {
  const User user = found("4711");
  EXPECT_EQ(user.uid, 4711u);
  EXPECT_EQ(user.gid, 0u);
  EXPECT_EQ(user.home, "");
  EXPECT_EQ(found("4711:815").gid, 815u);
  EXPECT_EQ(found("1234").uid, 55u);  // a name that looks like a number is a name
}

TEST(FindUser, WhoIsNotThereIsNamed) {
  for (const char* wanted :
       {"nobody-here", "web:no-group", "70000", "far", "-1", "web:70000", ""}) {
    const Result<User> user = find_user(wanted, kPasswd, kGroup);
    ASSERT_FALSE(user) << wanted;
    EXPECT_EQ(user.error().code, Code::kInvalidArgument);
  }
  EXPECT_NE(find_user("ghost", kPasswd, "").error().message.find("'ghost'"), std::string::npos);
}

}  // namespace
}  // namespace ionian::container
