#pragma once
// What an image is to the rest of the server: its layers and how to start a process in it.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ionian::images {

using Variables = std::vector<std::pair<std::string, std::string>>;

struct ImageConfig {
  Variables env;  // each name once, in the order of the Dockerfile
  std::string workdir, user;
  std::vector<std::string> entrypoint, cmd, shell;
  std::string python_version;  // "3.11.2", or "" without a python on PATH
  std::string libc;            // "glibc 2.36", "musl 1.2", or "" where nothing can be run

  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

struct BuiltImage {
  std::vector<std::string> layers;  // ids of the LayerStore, lowest first
  ImageConfig config;
};

// Where the output of a build goes, as it comes. fd is 1 or 2.
class BuildLog {
 public:
  virtual ~BuildLog() = default;
  virtual void write(int fd, std::string_view text) = 0;
};

// Replaces the value of `name`, or appends it.
inline void set_variable(Variables& variables, std::string_view name, std::string value) {
  for (auto& [key, old] : variables)
    if (key == name) {
      old = std::move(value);
      return;
    }
  variables.emplace_back(name, std::move(value));
}

inline const std::string* find_variable(const Variables& variables, std::string_view name) {
  for (const auto& [key, value] : variables)
    if (key == name) return &value;
  return nullptr;
}

}  // namespace ionian::images
