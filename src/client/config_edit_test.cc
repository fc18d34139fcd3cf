#include "client/config_edit.h"

#include <gtest/gtest.h>

#include "client/config_scan.h"

namespace ionian::client {
namespace {

std::string set(const std::string& text, const std::string& profile,
                std::map<std::string, std::string> settings,
                std::optional<std::string> activate = {}) {
  const auto after = edit_config(text, {profile, std::move(settings), std::move(activate)}, "f");
  return after ? *after : "error: " + after.error().message;
}
std::string activate(const std::string& text, const std::string& name) {
  return set(text, name, {}, name);
}

TEST(ConfigEdit, ANewFileAndANewProfile) {
  EXPECT_EQ(set("", "main", {{"token_id", "ak-1"}, {"token_secret", "as-1"}}, "main"),
            "[main]\ntoken_id = \"ak-1\"\ntoken_secret = \"as-1\"\nactive = true\n");
  EXPECT_EQ(set("[a]\nx = 1", "b c", {{"k", "v"}}), "[a]\nx = 1\n\n[\"b c\"]\nk = \"v\"\n");
}

TEST(ConfigEdit, OnlyTheValueChanges) {
  EXPECT_EQ(set("# mine\n[a]  # first\n  token_id='ak-0'   # old\nunknown = [ 1,\n 2 ] # "
                "list\n\n[b]\ntoken_id = \"other\"\n",
                "a", {{"token_id", "ak-1"}}),
            "# mine\n[a]  # first\n  token_id=\"ak-1\"   # old\nunknown = [ 1,\n 2 ] # "
            "list\n\n[b]\ntoken_id = \"other\"\n");
  EXPECT_EQ(
      set("[a]\nx = \"\"\"one\n[b]\ntoken_id = \"\"\"\ntoken_id = 1\n", "a", {{"token_id", "ak"}}),
      "[a]\nx = \"\"\"one\n[b]\ntoken_id = \"\"\"\ntoken_id = \"ak\"\n");
}

TEST(ConfigEdit, ANewKeyGoesBelowItsProfilesKeys) {
  EXPECT_EQ(set("[a]\n  x = 1\n\n# about b\n[b]\n", "a", {{"k", "v"}}),
            "[a]\n  x = 1\n  k = \"v\"\n\n# about b\n[b]\n");
  EXPECT_EQ(set("[a]\n[a.sub]\nx = 1\n", "a", {{"k", "v"}}), "[a]\nk = \"v\"\n[a.sub]\nx = 1\n");
  EXPECT_EQ(set("[a.sub]\nx = 1\n", "a", {{"k", "v"}}), "[a.sub]\nx = 1\n\n[a]\nk = \"v\"\n");
}

TEST(ConfigEdit, OtherFormsOfAProfile) {
  EXPECT_EQ(set("a = { x = 1 }\n", "a", {{"k", "v"}}), "a = { x = 1, k = \"v\" }\n");
  EXPECT_EQ(set("a = {}\n", "a", {{"k", "v"}}), "a = { k = \"v\" }\n");
  EXPECT_EQ(set("a.x = 1 # c\n[b]\n", "a", {{"k", "v"}}), "a.x = 1 # c\na.k = \"v\"\n[b]\n");
  EXPECT_EQ(set("[\"\\u0061\"]\n", "a", {{"k", "v"}}), "[\"\\u0061\"]\nk = \"v\"\n");
}

TEST(ConfigEdit, ExactlyOneIsActive) {
  EXPECT_EQ(activate("[a]\nactive = true\n[b]\nx = 1\n", "b"), "[a]\n[b]\nx = 1\nactive = true\n");
  EXPECT_EQ(activate("[a]\nactive = true # home\n[b]\n", "b"),
            "[a]\nactive = false # home\n[b]\nactive = true\n");
  EXPECT_EQ(activate("[a]\nactive = true\n[b]\nactive = true\n", "a"), "[a]\nactive = true\n[b]\n");
  EXPECT_EQ(activate("a = {active = true}\nb.active = \"yes\"\n[c]\nactive = 1\n", "c"),
            "a = {active = false}\nb.active = false\n[c]\nactive = true\n");
}

TEST(ConfigEdit, LineEndsAndByteOrderMark) {
  EXPECT_EQ(set("\xef\xbb\xbf[a]\r\nx = 1\r\n", "a", {{"k", "v"}}),
            "\xef\xbb\xbf[a]\r\nx = 1\r\nk = \"v\"\r\n");
  EXPECT_EQ(set("[a]\r\nx = 1", "b", {{"k", "v"}}), "[a]\r\nx = 1\r\n\r\n[b]\r\nk = \"v\"\r\n");
}

TEST(ConfigEdit, TextsAreEscaped) {
  EXPECT_EQ(toml_string("a\"b\\c\n\x7f\xc3\xa9"), "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa9\"");
  EXPECT_EQ(toml_key("with.dot"), "\"with.dot\"");
  EXPECT_EQ(toml_key(""), "\"\"");
}

TEST(ConfigEdit, WhatCannotBeDoneLeavesNothing) {
  EXPECT_TRUE(set("[a\n", "a", {{"k", "v"}}).starts_with("error: f: line 1"));
  EXPECT_TRUE(set("[a.token_id]\nx = 1\n", "a", {{"token_id", "v"}})
                  .starts_with("error: f cannot be changed"));
}

}  // namespace
}  // namespace ionian::client
