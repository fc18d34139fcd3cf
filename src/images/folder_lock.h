#pragma once
// What is built once although several threads or servers ask for it at the same time: the first one
// takes the lock and builds, the others wait and then find the result.
#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::images {

// Waits for the lock FOLDER/.lock-<name>, which is held until the descriptor closes, also by kill
// -9. The file stays: removing it would let two holders in. CANCELLED if it is still held by
// another when `cancelled` is true.
Result<UniqueFd> lock_in_folder(const std::string& folder, std::string_view name,
                                const std::atomic<bool>* cancelled = nullptr);

// A fresh folder FOLDER/.tmp-<random>, removed at the end of its life unless it was published. It
// is locked while it lives, so that nobody takes it for one that a dead process left.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(const std::string& folder);
  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }
  // Writes everything to disk, then renames the folder to `to`, durably. ALREADY_EXISTS if
  // something is there.
  Result<void> publish(const std::string& to);

 private:
  ScratchFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

// Removes the scratch folders in `folder` whose processes are gone; makes `folder` if it is not
// there. Safe also where several servers share the folder.
Result<void> clear_scratch(const std::string& folder);

// Writes everything of the file system that `path` is on to disk.
Result<void> sync_file_system(const std::string& path);

}  // namespace ionian::images
