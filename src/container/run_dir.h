#pragma once
// The spawner's own place in the host's file system.
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// The folder is this process's as long as the lock is held. A former spawner of it may still be
// clearing up: waits for that.   errors   FAILED_PRECONDITION it still is after 10 s
Result<UniqueFd> lock_run_dir(const std::string& run_dir);

// All of it but the lock.
Result<void> empty_run_dir(const std::string& run_dir);

// Removes folders in a child, off everyone's path. Negative: there is none.
pid_t remove_beside(const std::vector<std::string>& folders);

// What is mounted from here on is seen by nobody else, and ends with this process and its
// containers.
Result<void> leave_mounts_of_host();

}  // namespace ionian::container
