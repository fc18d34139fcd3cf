#pragma once
// Wheels from PyPI by pip, kept in a cache folder that can be filled by hand and then needs no
// network.
#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"

namespace ionian::images {

// For whom a wheel is: "3.11" and "glibc 2.36" or "musl 1.2". Empty python: wheels for any Python.
struct WheelTarget {
  std::string python;
  std::string libc = "glibc";
};

class Wheels {
 public:
  // `cache` as made by fetch(); `python` is the host's interpreter with pip.
  explicit Wheels(std::string cache, std::string python = "python3")
      : cache_(std::move(cache)), python_(std::move(python)) {}

  // The path of one wheel that satisfies a requirement ("modal==1.6.4", "synchronicity~=0.12.7"):
  // out of the cache if one is there, else downloaded into it. FAILED_PRECONDITION with pip's
  // words.
  Result<std::string> fetch(const std::string& requirement, const WheelTarget& target,
                            const std::atomic<bool>* cancelled = nullptr) const;

  // Unpacks the requirements (one a line, pinned, markers already resolved) into `into`, without
  // what they depend on: from the cache, or by filling it first. For a pin that the index does not
  // have, the newest version before it stands in, which the log says and the cache remembers.
  Result<void> install(const std::vector<std::string>& requirements, const WheelTarget& target,
                       const std::string& into, const std::atomic<bool>* cancelled = nullptr) const;

  // Compiles a tree of modules, if this host has the interpreter of that version ("3.11"); else
  // does nothing.
  Result<void> compile(const std::string& tree, const std::string& python) const;

 private:
  // Names in the cache of the wheels for all requirements.
  Result<std::vector<std::string>> download(std::vector<std::string> requirements,
                                            const WheelTarget& target,
                                            const std::atomic<bool>* cancelled) const;
  Result<void> stand_in(std::string& pin, const WheelTarget& target,
                        const std::atomic<bool>* cancelled) const;
  std::vector<std::string> target_args(const WheelTarget& target) const;
  std::string cache_;
  std::string python_;
};

// The lines of a requirements file that hold for a Python, without comments and markers. Knows
// comparisons of python_version, joined by "and"; INVALID_ARGUMENT for another marker.
Result<std::vector<std::string>> requirements_for(std::string_view text, std::string_view python);

// a < b, = b, > b as -1, 0, 1 for versions like "3.9" and "3.11.2".
int compare_versions(std::string_view a, std::string_view b);

}  // namespace ionian::images
