#pragma once
// A bounded file system of its own for a container's upper: ext4 in a sparse file without a name.
// The host's quotas would need its file system mounted in another way.
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/calm.h"

namespace ionian::container {

// Mounts a fresh one of that size, attached nowhere. Its file lies in `folder`, sparse and already
// unlinked: it is gone with its last use, whatever happens. The first of each size runs mkfs.ext4
// and leaves a template there.
//   errors   INVALID_ARGUMENT under 16 MiB · FAILED_PRECONDITION no mkfs.ext4 · RESOURCE_EXHAUSTED
//   no loop device
Result<UniqueFd> mount_disk_image(const std::string& folder, std::uint64_t bytes);

// The folders that an overlay needs, in a file system of its own.
Result<void> make_upper_folders(int disk);

// Such file systems made ahead of their need: one takes longer than all the rest of a container's
// start. Of the size that was asked for last, which is the same for most containers.
class DiskPool {
 public:
  DiskPool() = default;
  // `folder` is for what the file systems lie in, too.
  explicit DiskPool(std::string folder) : folder_(std::move(folder)) {}

  // As mount_disk_image(), with the folders `upper` and `work` in it.
  Result<UniqueFd> take(std::uint64_t bytes);
  // Makes one ahead; false if there is nothing to make.
  bool refill(Stock stock);

 private:
  Result<UniqueFd> make(std::uint64_t bytes) const;

  std::string folder_;
  std::uint64_t bytes_ = 0;
  std::vector<UniqueFd> ready_;
  bool failed_ = false;  // the next that is asked for says why
};

}  // namespace ionian::container
