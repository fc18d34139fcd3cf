#include "client/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ionian::client {
namespace {

using testing::HasSubstr;

TEST(ConfigFile, ProfilesInTheOrderOfTheFile) {
  const auto file = parse_config("[b]\nx = 1\n[a]\n[c.sub]\ny = 2\n", "f");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->profiles.size(), 3u);
  EXPECT_EQ(file->profiles[0].name, "b");
  EXPECT_EQ(file->profiles[1].name, "a");
  EXPECT_EQ(file->profiles[2].name, "c");
  EXPECT_EQ(file->profiles[0].find("x")->line, 2);
}

TEST(ConfigFile, OnlyTrueIsActive) {
  const auto file =
      parse_config("a = {active = 1}\nb = {active = \"true\"}\nc = {active = true}\nd = {}\n", "f");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE(file->find("a")->active());
  EXPECT_FALSE(file->find("b")->active());
  EXPECT_TRUE(file->find("c")->active());
  EXPECT_FALSE(file->find("d")->active());
}

TEST(ConfigFile, BrokenSaysPathLineColumnAndWhat) {
  const auto open = parse_config("[a]\nx = 1\ny = \"open\n", "/home/ada/.modal.toml");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::kInvalidArgument);
  EXPECT_THAT(open.error().message, HasSubstr("/home/ada/.modal.toml: line 3, column "));
  EXPECT_THAT(parse_config("[a]\nx=1\nx=2\n", "f").error().message,
              HasSubstr("line 3, column 3: Error while parsing key-value pair"));
  // toml++ asserts on these two.
  EXPECT_THAT(parse_config("[\n", "f").error().message, HasSubstr("f: line 1, column 2"));
  EXPECT_FALSE(parse_config("[a\n", "f"));
}

TEST(ConfigFile, AValueThatIsNoTable) {
  EXPECT_EQ(parse_config("[a]\n", "f")->profiles.size(), 1u);
  EXPECT_EQ(parse_config("token_id = \"ak-1\"\n", "f").error().message,
            "f: line 1, column 1: `token_id` is a text, but the file must hold one table for each "
            "profile, as in [token_id]");
  EXPECT_THAT(parse_config("[[a]]\nx = 1\n", "f").error().message, HasSubstr("`a` is a list"));
}

TEST(ConfigFile, NoSecretInAMessage) {
  const auto file = parse_config("[a]\ntoken_secret = as-VERYSECRET\n", "f");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, testing::Not(HasSubstr("VERYSECRET")));
}

}  // namespace
}  // namespace ionian::client
