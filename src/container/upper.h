#pragma once
// The writable folder of a container.
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "container/disk_image.h"
#include "container/id_ranges.h"
#include "container/spec.pb.h"

namespace ionian::container {

struct Upper {
  UniqueFd upper;
  UniqueFd work;
  UniqueFd filesystem;               // of its own, with disk_bytes
  std::vector<std::string> folders;  // what there is to remove afterwards
};

// Makes the folders and gives them to the container's root. With disk_bytes they lie on a file
// system of their own: in memory, or one from `disks` (disk_image.h).
Result<Upper> make_upper(const ContainerSpec& spec, const IdRange& ids, DiskPool& disks);

// A folder that the container's root owns, made if it is missing.
Result<UniqueFd> make_owned_folder(const std::string& path, const IdRange& ids, unsigned mode);

}  // namespace ionian::container
