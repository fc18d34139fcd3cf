#pragma once
// For tests: a folder of their own.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/cat.h"
#include "base/file.h"
#include "base/log.h"

namespace ionian {

// An empty folder that is there for as long as this is. The name it is made with tells a reader of
// the temporary folder whose it is. Ends the process where it can't be made, or, with something
// mounted in it perhaps, not be removed.
class TestFolder {
 public:
  explicit TestFolder(std::string_view name)
      : path_(cat(std::filesystem::temp_directory_path().string(), "/ionian-", name, "-XXXXXX")) {
    if (!::mkdtemp(path_.data())) end(cat("no folder ", path_));
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    if (const Result<void> gone = remove_tree(path_); !gone) end(gone.error().message);
  }
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return cat(path_, '/', name); }

 private:
  [[noreturn]] static void end(const std::string& why) {
    log::error(why);
    std::abort();
  }

  std::string path_;
};

}  // namespace ionian
