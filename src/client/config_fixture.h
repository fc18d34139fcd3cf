#pragma once
// For tests: a folder and an environment of their own, both gone afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"

extern char** environ;

namespace ionian::client {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::vector<std::string> names;
    for (char** one = environ; *one; ++one)
      if (std::string_view(*one).starts_with("MODAL_")) names.emplace_back(*one, strchr(*one, '='));
    for (const std::string& name : names) ::unsetenv(name.c_str());
    set("MODAL_CONFIG_PATH", path);
  }
  ~ConfigTest() override {
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }

  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  void file(std::string_view text, mode_t mode = 0600) {
    ASSERT_TRUE(write_file(path, text, mode));
    ::chmod(path.c_str(), mode);
  }
  std::string text() const { return read_file(path).value_or("(none)"); }
  mode_t mode() const {
    struct stat info{};
    ::lstat(path.c_str(), &info);
    return info.st_mode;
  }

  const TestFolder place{"config"};
  const std::string& folder = place.path();
  const std::string path = place / "modal.toml";

 private:
  std::vector<std::string> set_;
};

// What `f` throws as an E; "nothing" if it does not.
template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace ionian::client
