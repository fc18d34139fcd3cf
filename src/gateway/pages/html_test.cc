#include "gateway/pages/html.h"

#include <gtest/gtest.h>

#include "gateway/pages/parts.h"

namespace ionian::gateway::pages {
namespace {

TEST(Html, TextIsEscapedAndHtmlIsNot) {
  const Html name = html("<b>{}</b>", "<script>\"'&");
  EXPECT_EQ(name.text(), "<b>&lt;script&gt;&quot;&#39;&amp;</b>");
  EXPECT_EQ(html("<p>{}, {}</p>", name, 3).text(), "<p>" + name.text() + ", 3</p>");
}

// What is filled in is no form: its braces stay braces.
TEST(Html, ArgumentsAreNoForms) { EXPECT_EQ(html("{}{}", "{}", "x").text(), "{}x"); }

TEST(Html, TextDoesNotBecomeHtmlByItself) {
  static_assert(!std::is_convertible_v<std::string, Html>);
  static_assert(!std::is_constructible_v<Html, std::string>);
  static_assert(!std::is_constructible_v<Html, const char*>);
}

TEST(Tamed, ShowsWhatMisleads) {
  EXPECT_EQ(tamed("a\nb\x1b[31m", 64), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(tamed("Καλημέρα €", 64), "Καλημέρα €");
  EXPECT_EQ(tamed("\xe2\x80\xaegnp.exe", 64), "\\u202egnp.exe");
  EXPECT_EQ(tamed("\xff\xc0\xaf", 64), "\\xff\\xc0\\xaf");
  // Cut between characters, never inside of one.
  EXPECT_EQ(tamed("abcd", 3), "abc…");
  EXPECT_EQ(tamed("ab€", 3), "ab…");
}

TEST(Forms, AreFields) {
  const Fields fields = parse_form("a=1&b=%C3%A9+x&bad=%zz&empty=&alone&a=2");
  EXPECT_EQ(fields.at("a"), "2");
  EXPECT_EQ(fields.at("b"), "é x");
  EXPECT_EQ(fields.at("bad"), "%zz");
  EXPECT_EQ(fields.at("empty"), "");
  EXPECT_FALSE(fields.contains("alone"));
}

TEST(Times, ReadAsPeopleSayThem) {
  const Time now{1'800'000'000s};
  const auto words = [&](Duration ago) {
    const std::string text = time_tag(now, now - ago).text();
    const std::size_t begin = text.find('>') + 1;
    return text.substr(begin, text.rfind('<') - begin);
  };
  EXPECT_EQ(words(2s), "just now");
  EXPECT_EQ(words(14s), "14 seconds ago");
  EXPECT_EQ(words(9min), "9 min ago");
  EXPECT_EQ(words(2h), "2 hours ago");
  EXPECT_EQ(words(50h), "2 days ago");
  EXPECT_EQ(words(24h * 30), "16 Dec 2026");
  EXPECT_EQ(words(-72h), "in 3 days");
  EXPECT_EQ(words(-41min), "in 41 min");
  EXPECT_EQ(time_tag(now, std::nullopt, "never").text(), "never");
  EXPECT_NE(time_tag(now, now).text().find(
                "datetime=\"2027-01-15T08:00:00Z\" title=\"15 Jan 2027, 08:00:00 UTC\""),
            std::string::npos);
}

}  // namespace
}  // namespace ionian::gateway::pages
