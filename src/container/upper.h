#pragma once
// The writable folder of a container.
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "container/id_ranges.h"
#include "container/spec.pb.h"

namespace ionian::container {

struct Upper {
  UniqueFd upper;
  UniqueFd work;
  // What there is to remove afterwards.
  std::vector<std::string> folders;
};

// Makes the folders and gives them to the container's root. With disk_bytes they lie on a file
// system of their own (disk_image.h), which is gone when the last descriptor of it is.
Result<Upper> make_upper(const ContainerSpec& spec, const IdRange& ids);

}  // namespace ionian::container
