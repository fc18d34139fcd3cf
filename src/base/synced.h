#pragma once
// What a test writes back to the disk: the program that includes this has an fsync() of its own.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <utility>
#include <vector>

namespace ionian {

inline std::mutex synced_mutex;
inline std::vector<struct stat> synced;  // guarded by synced_mutex

// The files and folders that were synced since the last call, in their order.
inline std::vector<struct stat> take_synced() {
  const std::lock_guard lock(synced_mutex);
  return std::exchange(synced, {});
}

}  // namespace ionian

extern "C" inline __attribute__((used)) int fsync(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) == 0) {
    const std::lock_guard lock(ionian::synced_mutex);
    ionian::synced.push_back(info);
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
