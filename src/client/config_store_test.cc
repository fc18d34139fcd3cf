#include "client/config_store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "client/config_fixture.h"
#include "ionian/config.hpp"

namespace ionian::client {
namespace {

using testing::HasSubstr;

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST_F(ConfigTest, StoreMakesAFileForItsOwnerOnly) {
  const mode_t before = ::umask(0);
  Config config;
  config.store({{"token_id", "ak-1"}, {"token_secret", "as-1"}}, "main", "main");
  ::umask(before);
  EXPECT_EQ(mode(), S_IFREG | 0600u);
  EXPECT_EQ(config.credentials().token_id, "ak-1");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(ConfigTest, StoreClosesAFileThatWasOpen) {
  file("# mine\n[main]\n", 0644);
  Config().store({{"token_id", "ak-1"}}, "main");
  EXPECT_EQ(mode(), S_IFREG | 0600u);
  EXPECT_EQ(text(), "# mine\n[main]\ntoken_id = \"ak-1\"\n");
}

TEST_F(ConfigTest, ASymbolicLinkStaysOne) {
  std::filesystem::create_directory(folder + "/dotfiles");
  std::filesystem::create_symlink("dotfiles/modal.toml", path);  // as yet without a target
  Config().store({{"x", "1"}}, "main");
  EXPECT_TRUE(S_ISLNK(mode()));
  EXPECT_EQ(read_file(folder + "/dotfiles/modal.toml").value(), "[main]\nx = \"1\"\n");
}

TEST_F(ConfigTest, SetActiveProfile) {
  file("[a]\nactive = true\n[b]\n");
  Config config;
  EXPECT_THAT(thrown<NotFoundError>([&] { config.set_active_profile("c"); }),
              HasSubstr("no profile named 'c'"));
  EXPECT_EQ(text(), "[a]\nactive = true\n[b]\n");
  config.set_active_profile("b");
  EXPECT_EQ(text(), "[a]\n[b]\nactive = true\n");
  EXPECT_EQ(config.profile(), "b");
}

TEST_F(ConfigTest, ABrokenFileIsNotWritten) {
  file("[a\n");
  EXPECT_THAT(thrown<InvalidError>([] { Config().store({{"x", "1"}}, "a"); }), HasSubstr("line 1"));
  EXPECT_EQ(text(), "[a\n");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(ConfigTest, ProgramsAtOnceLoseNothing) {
  constexpr int kPrograms = 6, kKeys = 10;
  for (int program = 0; program < kPrograms; ++program) {
    if (::fork() != 0) continue;
    Config config;
    for (int key = 0; key < kKeys; ++key) config.store({{cat("key", key), "v"}}, cat("p", program));
    ::_exit(0);
  }
  for (int program = 0; program < kPrograms; ++program) {
    int status = -1;
    ::wait(&status);
    EXPECT_EQ(status, 0);
  }
  const std::string now = text();
  EXPECT_EQ(std::ranges::count(now, '='), kPrograms * kKeys);
  EXPECT_EQ(Config().profiles().size(), static_cast<std::size_t>(kPrograms));
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(ConfigTest, AWriterWithoutALockIsNoticed) {
  file("[a]\n");
  int calls = 0;
  const auto change = [&](const std::string& now) -> Result<std::string> {
    if (calls++ == 0) file("[theirs]\n");
    return now + "x = 1\n";
  };
  ASSERT_TRUE(rewrite_config(path, change));
  EXPECT_EQ(text(), "[theirs]\nx = 1\n");
  EXPECT_EQ(calls, 2);
}

TEST_F(ConfigTest, ADiskThatIsFullLosesNothing) {
  file("[a]\nx = 1\n");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4, 4};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(thrown<Error>([] { Config().store({{"y", "2"}}, "a"); }).find("write") !=
                    std::string::npos
                ? 7
                : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(text(), "[a]\nx = 1\n");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST_F(ConfigTest, AFolderThatTakesNoFile) {
  set("MODAL_CONFIG_PATH", "/proc/self/modal.toml");
  EXPECT_THAT(thrown<Error>([] { Config().store({{"y", "2"}}, "a"); }),
              HasSubstr("/proc/self/modal.toml.lock"));
}

TEST_F(ConfigTest, ADeviceIsReadButNotReplaced) {
  set("MODAL_CONFIG_PATH", "/dev/null");
  Config config;
  EXPECT_TRUE(config.profiles().empty());
  EXPECT_TRUE(config.warnings().empty());
  EXPECT_THAT(thrown<InvalidError>([&] { config.store({{"y", "2"}}, "a"); }),
              HasSubstr("no regular file"));
}

TEST_F(ConfigTest, WhatIsNoFile) {
  set("MODAL_CONFIG_PATH", folder);
  EXPECT_THAT(thrown<InvalidError>([] { Config().profiles(); }), HasSubstr("is a folder"));
  set("MODAL_CONFIG_PATH", path + "/below/nothing.toml");
  EXPECT_TRUE(Config().profiles().empty());
}

}  // namespace
}  // namespace ionian::client
