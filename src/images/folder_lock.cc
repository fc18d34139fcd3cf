#include "images/folder_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"

namespace ionian::images {
namespace {

constexpr std::string_view kScratchPrefix = ".tmp-";
// How soon who waits for a lock notices that it is no longer wanted.
constexpr int kLookMs = 100;

// Nothing if it is locked, or gone.
UniqueFd lock_if_free(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

}  // namespace

Result<UniqueFd> lock_in_folder(const std::string& folder, std::string_view name,
                                const std::atomic<bool>* cancelled) {
  TRY(make_folders(folder));
  const std::string path = cat(folder, "/.lock-", name);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return sys_fail(cat("open ", path));
  while (::flock(fd.get(), cancelled ? LOCK_EX | LOCK_NB : LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    if (!cancelled || errno != EWOULDBLOCK) return sys_fail(cat("lock ", path));
    if (*cancelled) return fail(Code::kCancelled, "the build was cancelled");
    ::poll(nullptr, 0, kLookMs);  // nobody tells when a lock is free
  }
  return fd;
}

Result<ScratchFolder> ScratchFolder::make(const std::string& folder) {
  TRY(make_folders(folder));
  SystemRandom random;
  // Between its making and its lock someone may clear it away: then another one is made.
  for (int tries = 0; tries < 10; ++tries) {
    std::string path = cat(folder, "/", kScratchPrefix, random_base62(random, 16));
    if (::mkdir(path.c_str(), 0755) != 0) return sys_fail(cat("make ", path));
    UniqueFd lock = lock_if_free(path);
    if (lock && ::access(path.c_str(), F_OK) == 0)
      return ScratchFolder(std::move(path), std::move(lock));
  }
  return fail(Code::kInternal, "no folder in ", folder, " stays");
}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  if (Result<void> done = remove_tree(path_); !done) log::warning(done.error().message);
}

Result<void> ScratchFolder::publish(const std::string& to) {
  TRY(sync_file_system(path_));
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) return fail(Code::kAlreadyExists, to, " is there already");
    return sys_fail(cat("rename ", path_, " to ", to));
  }
  path_.clear();
  return sync_folder(std::filesystem::path(to).parent_path());
}

Result<void> clear_scratch(const std::string& folder) {
  TRY(make_folders(folder));
  std::vector<std::string> left;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(kScratchPrefix)) left.push_back(entry.path());
  if (error) return fail(Code::kInternal, "read ", folder, ": ", error.message());
  for (const std::string& path : left)
    if (const UniqueFd lock = lock_if_free(path)) {
      // A program of a server that was just killed may be writing its last file. What it leaves
      // goes at the next start.
      if (Result<void> done = remove_tree(path); !done) log::warning(done.error().message);
    }
  return {};
}

Result<void> sync_file_system(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return sys_fail(cat("open ", path));
  if (::syncfs(fd.get()) != 0) return sys_fail(cat("write ", path, " to disk"));
  return {};
}

}  // namespace ionian::images
