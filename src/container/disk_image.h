#pragma once
// A bounded file system of its own for a container's upper: ext4 in a sparse file without a name.
// The host's quotas would need its file system mounted in another way.
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// Mounts a fresh one of that size, attached nowhere. Its file lies in `folder`, sparse and already
// unlinked: it is gone with its last use, whatever happens. The first of each size runs mkfs.ext4
// and leaves a template in `template_folder`.
//   errors   INVALID_ARGUMENT under 16 MiB · FAILED_PRECONDITION no mkfs.ext4 · RESOURCE_EXHAUSTED
//   no loop device
Result<UniqueFd> mount_disk_image(const std::string& folder, const std::string& template_folder,
                                  std::uint64_t bytes);

}  // namespace ionian::container
