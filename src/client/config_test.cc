#include "ionian/config.hpp"

#include <thread>

#include "base/cat.h"
#include "client/config_fixture.h"

namespace ionian::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST_F(ConfigTest, NoFileMeansDefaults) {
  Config config;
  EXPECT_EQ(config.token_id(), std::nullopt);
  EXPECT_EQ(config.server_url(), "http://127.0.0.1:8713");
  EXPECT_EQ(config.logs_timeout(), 10s);
  EXPECT_EQ(config.max_throttle_wait(), std::nullopt);
  EXPECT_TRUE(config.automount());
  EXPECT_EQ(config.loglevel(), "WARNING");
  EXPECT_EQ(config.profile(), "default");
  EXPECT_EQ(config.origin("loglevel").str(), "default");
}

TEST_F(ConfigTest, OverrideThenEnvironmentThenFileThenDefault) {
  file("[default]\nloglevel = \"ERROR\"\n");
  Config config;
  EXPECT_EQ(config.loglevel(), "ERROR");
  EXPECT_EQ(config.origin("loglevel").str(), cat(path, ", profile default, line 2"));
  set("MODAL_LOGLEVEL", "info");
  EXPECT_EQ(config.loglevel(), "INFO");
  EXPECT_EQ(config.origin("loglevel").str(), "environment variable MODAL_LOGLEVEL");
  EXPECT_EQ(config.get("loglevel", {}, false), "ERROR");
  config.override_locally("loglevel", "debug");
  EXPECT_EQ(config.loglevel(), "DEBUG");
  EXPECT_EQ(config.origin("loglevel").str(), "the program");
  EXPECT_EQ(config.get("loglevel", {}, false), "ERROR");
  EXPECT_THAT(text(), Not(HasSubstr("debug")));
}

TEST_F(ConfigTest, AnEmptyVariableIsAValue) {
  file("[default]\ntoken_id = \"ak-1\"\n");
  set("MODAL_TOKEN_ID", "");
  EXPECT_EQ(Config().token_id(), "");
}

TEST_F(ConfigTest, OverrideOfNoSettingSetsTheVariable) {
  set("SOME_NAME", "old");
  Config().override_locally("some_name", "new");
  EXPECT_STREQ(::getenv("SOME_NAME"), "new");
}

TEST_F(ConfigTest, ProfileByVariableThenActiveThenDefault) {
  file(
      "[default]\nenvironment = \"d\"\n[b]\nactive = true\nenvironment = \"b\"\n[c]\nenvironment = "
      "\"c\"\n");
  EXPECT_EQ(Config().environment(), "b");
  set("MODAL_PROFILE", "c");
  EXPECT_EQ(Config().environment(), "c");
  EXPECT_EQ(Config().get("environment", "default"), "d");
  set("MODAL_PROFILE", "");
  EXPECT_EQ(Config().profile(), "b");
  EXPECT_THAT(Config().profiles(), ElementsAre("default", "b", "c"));
}

TEST_F(ConfigTest, AWrongValueSaysSettingValueRuleAndOrigin) {
  file("[default]\nlogs_timeout = \"soon\"\ntoken_secret = 5\nimage_builder_version = 2024.10\n");
  Config config;
  EXPECT_EQ(thrown<InvalidError>([&] { config.logs_timeout(); }),
            cat("invalid value for logs_timeout: 'soon' must be a number of seconds (from ", path,
                ", profile default, line 2)"));
  EXPECT_EQ(thrown<InvalidError>([&] { config.token_secret(); }),
            cat("invalid value for token_secret: *** must be a text: write it in quotes (from ",
                path, ", profile default, line 3)"));
  EXPECT_THAT(thrown<InvalidError>([&] { config.image_builder_version(); }),
              HasSubstr("write it in quotes"));
  set("MODAL_DEV_SUFFIX", "much-too-long");
  EXPECT_EQ(thrown<InvalidError>([&] { config.dev_suffix(); }),
            "invalid value for dev_suffix: 'much-too-long' must be 1 to 8 letters or digits (from "
            "environment variable MODAL_DEV_SUFFIX)");
  EXPECT_EQ(thrown<NotFoundError>([&] { config.get("nothing"); }),
            "there is no setting named 'nothing'");
}

TEST_F(ConfigTest, ABrokenFileFailsEachLookUpUntilReload) {
  file("[default\n");
  Config config;
  EXPECT_THAT(thrown<InvalidError>([&] { config.loglevel(); }),
              HasSubstr(cat(path, ": line 1, column ")));
  file("[default]\nloglevel = \"ERROR\"\n");
  EXPECT_NE(thrown<InvalidError>([&] { config.loglevel(); }), "nothing");
  config.reload();
  EXPECT_EQ(config.loglevel(), "ERROR");
}

TEST_F(ConfigTest, CredentialsErrors) {
  const auto error = [] { return thrown<AuthError>([] { Config().credentials(); }); };
  EXPECT_THAT(error(), HasSubstr("no credentials: neither MODAL_TOKEN_ID"));
  EXPECT_THAT(error(), HasSubstr("ionian setup"));
  set("MODAL_TOKEN_ID", "ak-1");
  EXPECT_THAT(
      error(),
      HasSubstr(
          "token_secret is missing: token_id comes from environment variable MODAL_TOKEN_ID"));
  set("MODAL_TOKEN_ID", "");
  file("[default]\ntoken_secret = \"as-1\"\n");
  EXPECT_THAT(error(), HasSubstr(cat("token_id is missing: token_secret comes from ", path,
                                     ", profile default, line 2")));
  set("MODAL_PROFILE", "nobody");
  EXPECT_THAT(error(), HasSubstr(cat("MODAL_PROFILE names the profile 'nobody', which ", path,
                                     " does not have")));
  EXPECT_EQ(thrown<AuthError>([] { Config().environment(); }), "nothing");
}

TEST_F(ConfigTest, AnUnknownProfileIsNoErrorIfCredentialsComeFromElsewhere) {
  set("MODAL_PROFILE", "nobody");
  set("MODAL_TOKEN_ID", "ak-1");
  set("MODAL_TOKEN_SECRET", "as-1");
  EXPECT_EQ(Config().credentials().token_secret, "as-1");
}

TEST_F(ConfigTest, WhichProfileIsNotClear) {
  const auto error = [] { return thrown<InvalidError>([] { Config().credentials(); }); };
  file("[a]\ntoken_id = \"ak-1\"\ntoken_secret = \"as-1\"\n[b]\n");
  EXPECT_THAT(
      error(),
      HasSubstr("no profile is active, and there are several. Run `ionian profile activate NAME`"));
  EXPECT_EQ(Config().environment(), std::nullopt);
  file("[a]\nactive = true\n[b]\nactive = true\n");
  EXPECT_THAT(error(), HasSubstr("more than one profile is active"));
  EXPECT_EQ(Config().profiles().size(), 2u);
  set("MODAL_PROFILE", "a");
  file("[a]\ntoken_id = \"ak-1\"\ntoken_secret = \"as-1\"\n[b]\n");
  EXPECT_EQ(Config().credentials().token_id, "ak-1");
}

TEST_F(ConfigTest, ATokenThatNoTokenIs) {
  set("MODAL_TOKEN_ID", "ak-1");
  set("MODAL_TOKEN_SECRET", "as-SECRET \n");
  const std::string error = thrown<InvalidError>([] { Config().credentials(); });
  EXPECT_THAT(
      error,
      HasSubstr("token_secret (from environment variable MODAL_TOKEN_SECRET) holds white space"));
  EXPECT_THAT(error, Not(HasSubstr("as-SECRET")));
}

TEST_F(ConfigTest, TokenAndOAuthExcludeEachOther) {
  set("MODAL_OAUTH_REFRESH_TOKEN", "r");
  set("MODAL_OAUTH_CLIENT_ID", "c");
  EXPECT_THAT(thrown<InvalidError>([] { Config().credentials(); }), HasSubstr("OAuth needs"));
  set("MODAL_OAUTH_CLIENT_SECRET", "s");
  EXPECT_TRUE(Config().credentials().is_oauth());
  set("MODAL_TOKEN_ID", "ak-1");
  EXPECT_THAT(thrown<InvalidError>([] { Config().credentials(); }), HasSubstr("remove one"));
}

TEST_F(ConfigTest, InAContainerTheFilePlaysNoPart) {
  file("[default]\nloglevel = \"ERROR\"\n");
  set("MODAL_IS_REMOTE", "1");
  Config config;
  EXPECT_EQ(config.loglevel(), "WARNING");
  EXPECT_TRUE(config.profiles().empty());
  EXPECT_THAT(thrown<InvalidError>([&] { config.store({{"token_id", "x"}}, "default"); }),
              HasSubstr("inside a container"));
  EXPECT_EQ(text(), "[default]\nloglevel = \"ERROR\"\n");
}

TEST_F(ConfigTest, ToDictIsSortedAndHidesNothing) {
  set("MODAL_TOKEN_SECRET", "as-1");
  const auto open = Config().to_dict();
  EXPECT_EQ(open.size(), 29u - 1);
  EXPECT_EQ(std::get<std::string>(open.at("token_secret")), "as-1");
  EXPECT_FALSE(open.contains("heartbeat_interval"));
  EXPECT_TRUE(Config().to_dict(Config::Include::kAll).contains("heartbeat_interval"));
}

TEST_F(ConfigTest, SecondsBecomeDurations) {
  set("MODAL_LOGS_TIMEOUT", "0.25");
  set("MODAL_SERVE_TIMEOUT", "inf");
  set("MODAL_MAX_THROTTLE_WAIT", "0");
  EXPECT_EQ(Config().logs_timeout(), 250ms);
  EXPECT_EQ(Config().serve_timeout(), kForever);
  EXPECT_EQ(Config().max_throttle_wait(), 0s);
  EXPECT_EQ(Config().get("logs_timeout"), "0.25");
  EXPECT_EQ(Config().get("volume_block_read_timeout"), "60.0");
}

TEST_F(ConfigTest, OneWarningForAFileThatOthersMayRead) {
  file("[default]\n", 0644);
  EXPECT_THAT(Config().warnings(), ElementsAre(HasSubstr(cat("Run: chmod 600 ", path))));
  file("[default]\n", 0600);
  EXPECT_TRUE(Config().warnings().empty());
}

TEST_F(ConfigTest, ManyThreadsReadWhileOneWrites) {
  file("[a]\nactive = true\n[b]\n");
  Config config;
  {
    std::vector<std::jthread> readers;
    readers.reserve(4);
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        for (int n = 0; n < 2000; ++n) config.to_dict(Config::Include::kAll);
      });
    for (int n = 0; n < 20; ++n)
      config.set_active_profile(n % 2 ? "a" : "b"), config.override_locally("loglevel", "error");
  }
  EXPECT_EQ(text(), "[a]\nactive = true\n[b]\n");
}

}  // namespace
}  // namespace ionian::client
