#pragma once
// What is built once although several threads or servers ask for it at the same time: the first one
// takes the lock and builds, the others wait and then find the result.
#include "base/fd.h"
#include "base/result.h"

namespace ionian::images {

// Waits for the lock FOLDER/.lock-<name>, which is held until the descriptor closes, also by kill
// -9. The file stays: removing it would let two holders in.
Result<UniqueFd> lock_in_folder(const std::string& folder, std::string_view name);

// A fresh folder FOLDER/.tmp-<random>, removed at the end of its life unless it was published.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(const std::string& folder);
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }
  // Writes everything to disk, then renames the folder (or `part` of it) to `to`, durably.
  // ALREADY_EXISTS if something is there.
  Result<void> publish(const std::string& to, std::string_view part = "");

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Removes the scratch folders that a former life left in `folder`; makes `folder` if it is not
// there.
Result<void> clear_scratch(const std::string& folder);

// Writes everything of the file system that `path` is on to disk.
Result<void> sync_file_system(const std::string& path);

}  // namespace ionian::images
