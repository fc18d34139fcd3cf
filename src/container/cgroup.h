#pragma once
// Limits and accounting. Works with the controllers of version 1 mounted one by one, and with
// version 2 alone. A version 2 tree beside the others is left alone: it could limit nothing.
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

struct CgroupLimits {
  std::uint64_t memory_bytes = 0;  // each: 0 = no limit
  std::uint32_t cpu_milli = 0;
  std::uint32_t pids_max = 0;
  // What it gets where everybody wants more than there is: its part of the processors, and memory
  // that others give up first. 0 = the usual share, none set aside.
  std::uint32_t asked_cpu_milli = 0;
  std::uint64_t asked_memory_bytes = 0;
  bool background = false;
};

// What a process needs to get into a container's groups.
struct CgroupDoor {
  UniqueFd v2;                     // for CLONE_INTO_CGROUP; empty where version 1 is
  std::vector<UniqueFd> v1_tasks;  // a single-threaded child joins by writing "0" to each
};

// The groups of one container. Not removed by itself: CgroupTree::remove, once its processes are
// reaped.
struct Cgroup : CgroupDoor {
  std::vector<std::string> folders;
  std::string memory_folder;

  bool oom_killed() const;
  std::uint64_t peak_memory_bytes() const;
};

class CgroupTree {
 public:
  // Makes the folder ionian-NAME in each hierarchy. FAILED_PRECONDITION names a controller that is
  // missing.
  static Result<CgroupTree> open(const std::string& name);
  // Kills every process in the groups of that name, waits for their end and removes the groups.
  // Nothing of the name is success. DEADLINE_EXCEEDED after 10 seconds.
  static Result<void> remove_orphans(const std::string& name);

  Result<Cgroup> create(const std::string& id, const CgroupLimits& limits) const;
  Result<CgroupDoor> open_door(const Cgroup& group) const;
  // Other limits for a group in use. RESOURCE_EXHAUSTED and others: what is used already is more.
  Result<void> change(const Cgroup& group, const CgroupLimits& limits) const;
  // False: a process has not been reaped yet, try again.
  static bool remove(const Cgroup& group);

 private:
  Result<void> set(const Cgroup& group, std::size_t controller, const char* v1, const char* v2,
                   const std::string& value) const;
  Result<void> limit(const Cgroup& group, const CgroupLimits& limits) const;
  Result<void> set_share(const Cgroup& group, const CgroupLimits& limits) const;

  bool pure_v2_ = false;
  std::string v2_;  // folder ionian-NAME in the version 2 tree, empty where version 1 is
  std::vector<std::string> v1_;  // memory, pids, cpu
};

}  // namespace ionian::container
