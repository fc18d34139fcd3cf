#pragma once
// Ranges of 65,536 user and group ids. Each living container has one that no other container on
// this machine has, also none of another server: the kernel counts processes, inotify watches and
// keys by id.
#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

inline constexpr std::uint32_t kIdsPerRange = 65'536;

struct IdRange {
  std::uint32_t base = 0;
  UniqueFd userns;  // a user namespace with this map, for idmapped mounts; not the container's own
  UniqueFd lock;    // a name in the machine's abstract socket space, gone with its owner
};

class IdRangePool {
 public:
  // RESOURCE_EXHAUSTED when all ranges of the machine are taken.
  Result<IdRange> take();
  void give_back(IdRange range) { free_.push_back(std::move(range)); }

 private:
  Result<IdRange> make();

  std::vector<IdRange> free_;
  std::uint32_t next_ = 0;
};

// Writes "0 base 65536" as the user and group map of a process that has just entered a new user
// namespace.
Result<void> write_id_maps(pid_t pid, std::uint32_t base);

}  // namespace ionian::container
