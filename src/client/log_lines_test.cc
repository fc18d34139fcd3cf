#include "client/log_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ionian::client {
namespace {

using ::testing::MatchesRegex;

TEST(LogLines, ThePatternIsPythons) {
  LogStyle style{.pattern = "%(levelname)s:%(name)s: %(message)s (%(levelno)d, 100%%) %(none)s"};
  EXPECT_EQ(log_line(style, LogLevel::kError, "x %(message)s"),
            "ERROR:ionian-client: x %(message)s (40, 100%) %(none)s");
  style.pattern = "";
  EXPECT_THAT(log_line(style, LogLevel::kInfo, "hello"),
              MatchesRegex("\\[ionian-client\\] ....-..-..T..:..:..[+-].... hello"));
}

TEST(LogLines, JsonHoldsAnyText) {
  const std::string line = log_line({.json = true}, LogLevel::kWarning, "a \"b\"\n\xff");
  const auto fields = nlohmann::json::parse(line);
  EXPECT_EQ(fields["levelname"], "WARNING");
  EXPECT_EQ(fields["message"], "a \"b\"\n\uFFFD");
}

TEST(LogLines, LevelsByName) {
  EXPECT_EQ(log_level_of("DEBUG"), LogLevel::kDebug);
  EXPECT_EQ(log_level_of("FATAL"), LogLevel::kCritical);
  EXPECT_EQ(log_level_of("WARN"), LogLevel::kWarning);
  ::testing::internal::CaptureStderr();
  log_write({.least = LogLevel::kWarning}, LogLevel::kInfo, "unseen");
  log_write({.least = LogLevel::kWarning, .pattern = "%(message)s"}, LogLevel::kError, "seen");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "seen\n");
}

}  // namespace
}  // namespace ionian::client
