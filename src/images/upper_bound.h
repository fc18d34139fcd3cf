#pragma once
// How much a step of a build may write. Its folder is renamed to become a layer, so it has no file
// system of its own, as a function's has; it is measured instead.
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ionian::images {

// The same for what the server writes for a step itself, counted as it is written.
class WriteBound {
 public:
  explicit WriteBound(std::uint64_t bytes) : bytes_(bytes) {}  // 0 = no bound

  // RESOURCE_EXHAUSTED if these are too many.
  Result<void> add(std::uint64_t bytes);

 private:
  std::uint64_t bytes_;
  std::uint64_t written_ = 0;
};

class UpperBound {
 public:
  // `folder` need not be there yet, the one above it must. 0 bytes = no bound.
  UpperBound(std::string folder, std::uint64_t bytes);

  static constexpr int kMeasuredEach = 50;  // calls

  // RESOURCE_EXHAUSTED once the folder holds more. Costs one system call, and a walk over the
  // folder when its file system has filled by so much that the bound may be passed, and in any case
  // now and then: others may have made room on it meanwhile. To be asked several times a second;
  // what is written between two calls goes beyond the bound.
  Result<void> check();

 private:
  const std::string folder_;
  const std::uint64_t bytes_;
  std::uint64_t used_ = 0;  // of the whole file system, when the folder was last measured
  int calls_ = 0;           // since then
  std::uint64_t left_;      // that the folder could still take then
};

}  // namespace ionian::images
