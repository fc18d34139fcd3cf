#pragma once
// The files of a network file system: an ordinary folder, which containers have mounted and change
// while clients read and write here. Whatever links they make, no path leads out of it.
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/random.h"
#include "base/result.h"

namespace ionian::volumes {

struct SharedEntry {
  enum class Kind { kFile, kFolder, kLink, kOther };
  std::string path;
  Kind kind = Kind::kFile;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;  // seconds since the epoch
};

// Paths are as clients give them: "/a/b.txt", "a/b.txt". Any method may also answer NOT_FOUND,
// FAILED_PRECONDITION where a file stands for a folder or a folder for a file, INVALID_ARGUMENT for
// "..", and RESOURCE_EXHAUSTED when the disk is full. Safe from any thread.
class SharedFolder {
 public:
  static constexpr std::size_t kEntriesMax = 100'000;  // of one list

  // Made if it is missing. What comes in lies in `incoming` until it is whole; both are on one file
  // system.
  static Result<SharedFolder> open(const std::string& folder, const std::string& incoming);

  // Replaces the file, and makes the folders above it. Others see the former one or all of this
  // one, which is on disk then. `fill` writes it.
  Result<void> put(const std::string& path, Random& random,
                   const std::function<Result<void>(int fd)>& fill) const;
  Result<UniqueFd> read(const std::string& path) const;
  // Of a folder what is in it, by names in it; of a file itself; of a pattern with * or ** all that
  // it fits, by whole paths. Sorted.   errors  RESOURCE_EXHAUSTED more than kEntriesMax
  Result<std::vector<SharedEntry>> list(const std::string& path) const;
  Result<void> remove(const std::string& path, bool recursive) const;

 private:
  SharedFolder(UniqueFd root, UniqueFd incoming)
      : root_(std::move(root)), incoming_(std::move(incoming)) {}

  UniqueFd root_, incoming_;
};

}  // namespace ionian::volumes
