#pragma once
// For the tests of this folder only.
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace ionian::images {

// A folder that lives as long as its test. `near` keeps it on a file system that carries overlay
// attributes.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ionian-images-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Downloads and base images that survive between runs.
inline std::string cache_folder() {
  if (const char* set = ::getenv("IONIAN_CACHE"); set && *set) return set;
  return std::string(::getenv("HOME") ? ::getenv("HOME") : "/root") + "/.cache/ionian";
}

}  // namespace ionian::images
