#include "base/utf8.h"

#include <gtest/gtest.h>

namespace ionian {
namespace {

TEST(Utf8Joiner, JoinsACharacterThatWasCut) {
  const std::string text = "naïve – 日本 🎉";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Joiner joiner;
    std::string got = joiner.push(std::string_view(text).substr(0, cut));
    got += joiner.push(std::string_view(text).substr(cut));
    EXPECT_EQ(got + joiner.finish(), text) << cut;
  }
}

TEST(Utf8Joiner, ShowsWhatIsNoneAsReplacement) {
  Utf8Joiner joiner;
  EXPECT_EQ(joiner.push("a\xFF"
                        "b\xC0\x80"),
            "a\uFFFD"
            "b\uFFFD\uFFFD");
  EXPECT_EQ(joiner.push("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(joiner.push("\xE6\x97"), "");
  EXPECT_EQ(joiner.finish(), "\uFFFD");
  EXPECT_EQ(joiner.finish(), "");
}

}  // namespace
}  // namespace ionian
