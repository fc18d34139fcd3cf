#pragma once
// Packs files and folders into one tar archive, with owners, modes, links, devices and extended
// attributes as they are.
#include <string>
#include <vector>

#include "base/result.h"

namespace ionian::images {

struct PackItem {
  std::string path;  // a file or a folder on this machine
  std::string name;  // that it has in the archive
};

// Writes OUT (0600) compressed with zstd: beside it first, then in its place. What vanishes while
// it is read, or becomes something else, is left out; a file that changes meanwhile is in it as it
// was read, with the length that it had at first.
//   out      how many bytes were read
//   errors   RESOURCE_EXHAUSTED the disk is full · FAILED_PRECONDITION OUT cannot be written, or an
//   item not be read
Result<std::uint64_t> pack(const std::string& out, const std::vector<PackItem>& items);

}  // namespace ionian::images
