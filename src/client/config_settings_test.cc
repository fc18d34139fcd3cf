#include "client/config_settings.h"

#include <gtest/gtest.h>

#include <cmath>

#include "client/python_text.h"

namespace ionian::client {
namespace {

ConfigValue from(std::string_view setting, std::string_view text) {
  Result<ConfigValue> value = apply_rule(find_setting(setting)->rule, text);
  return value ? *value : ConfigValue(Headers{{"error", value.error().message}});
}
std::string error(std::string_view setting, std::string_view text) {
  Result<ConfigValue> value = apply_rule(find_setting(setting)->rule, text);
  return value ? "" : value.error().message;
}

TEST(Settings, EveryOneOfTheSpecification) {
  EXPECT_EQ(all_settings().size(), 42u);
  EXPECT_EQ(find_setting("no_such"), nullptr);
  EXPECT_EQ(variable_of("max_throttle_wait"), "MODAL_MAX_THROTTLE_WAIT");
  EXPECT_EQ(std::get<std::string>(find_setting("server_url")->default_value()),
            "http://127.0.0.1:8713");
  EXPECT_EQ(std::get<double>(find_setting("logs_timeout")->default_value()), 10);
  EXPECT_TRUE(std::get<bool>(find_setting("automount")->default_value()));
  EXPECT_EQ(std::get<std::string>(find_setting("dev_suffix")->default_value()), "");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(find_setting("token_id")->default_value()));
}

TEST(Settings, Booleans) {
  for (const char* text : {"", "0", "false", "FALSE"})
    EXPECT_EQ(from("traceback", text), ConfigValue(false)) << text;
  for (const char* text : {"1", "true", "no", " ", "0.0"})
    EXPECT_EQ(from("traceback", text), ConfigValue(true)) << text;
  EXPECT_EQ(apply_rule(Rule::kBool, FileValue(std::int64_t{0})).value(), ConfigValue(false));
  EXPECT_EQ(apply_rule(Rule::kBool, FileValue(0.0)).value(),
            ConfigValue(true));  // its text is "0.0"
  EXPECT_FALSE(apply_rule(Rule::kBool, FileValue(OtherValue{"a list"})));
}

TEST(Settings, Seconds) {
  EXPECT_EQ(from("logs_timeout", " 2.5\n"), ConfigValue(2.5));
  EXPECT_EQ(from("logs_timeout", "1_000"), ConfigValue(1000.0));
  EXPECT_EQ(from("logs_timeout", "-inf"), ConfigValue(-INFINITY));
  EXPECT_EQ(from("logs_timeout", "1e999"), ConfigValue(INFINITY));
  EXPECT_EQ(from("logs_timeout", "1e-999"), ConfigValue(0.0));
  for (const char* text : {"", "ten", "nan", "0x10", "1__0", "1e", "+-1", "."})
    EXPECT_EQ(error("logs_timeout", text), "must be a number of seconds") << text;
  EXPECT_EQ(from("max_throttle_wait", ""), ConfigValue());
  EXPECT_EQ(from("max_throttle_wait", "0"), ConfigValue(std::int64_t{0}));
  EXPECT_EQ(error("max_throttle_wait", "2.5"), "must be a whole number of seconds");
  EXPECT_EQ(apply_rule(Rule::kWholeSeconds, FileValue(2.9)).value(), ConfigValue(std::int64_t{2}));
}

TEST(Settings, Words) {
  EXPECT_EQ(from("loglevel", "debug"), ConfigValue("DEBUG"));
  EXPECT_EQ(error("log_format", "xml"), "must be one of STRING, JSON");
  EXPECT_EQ(from("payload_format", "CBOR"), ConfigValue("cbor"));
  EXPECT_EQ(error("build_validation", "off"), "must be one of error, warn, ignore");
  EXPECT_EQ(error("dev_suffix", "a-b"), "must be 1 to 8 letters or digits");
  EXPECT_EQ(from("dev_suffix", ""), ConfigValue(""));
}

TEST(Settings, HeadersAndUrls) {
  EXPECT_EQ(from("override_headers", " a : b ,c:d:e"),
            ConfigValue(Headers{{"a", "b"}, {"c", "d:e"}}));
  EXPECT_EQ(from("override_headers", ""), ConfigValue(Headers{}));
  for (const char* text : {"a", "a:", ":b", ",", "a:b,"})
    EXPECT_NE(error("override_headers", text), "") << text;
  EXPECT_EQ(error("server_url", "http://a:1, unix:///run/s"), "");
  for (const char* text : {"", "localhost:1", "ftp://a", "https://", "http://a,"})
    EXPECT_NE(error("server_url", text), "") << text;
}

TEST(Settings, TextWantsQuotes) {
  Result<ConfigValue> value = apply_rule(Rule::kText, FileValue(2024.10));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message, "must be a text: write it in quotes");
}

TEST(PythonText, Strip) {
  EXPECT_EQ(strip("\xe2\x80\x83 a b\xc2\xa0\x1f\n"), "a b");
  EXPECT_EQ(strip(" \t "), "");
}

}  // namespace
}  // namespace ionian::client
