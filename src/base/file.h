#pragma once
// Small whole files, and the durable way to replace one.
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace ionian {

// The whole file. INVALID_ARGUMENT if it is larger than `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 << 20);

// Writes all of `data` to an open descriptor.
Result<void> write_all(int fd, std::string_view data);

// Replaces `path`: a temporary file beside it, fsync, rename, fsync of the folder. After it
// returns, the new content survives a crash; before, the old one does.
Result<void> write_file_durably(const std::string& path, std::string_view data, mode_t mode = 0600);

// Writes without any promise about crashes: pseudo files of the kernel, scratch folders.
Result<void> write_file(const std::string& path, std::string_view data, mode_t mode = 0644);

// All that `from` has, from where it stands on, in a file that is not there yet. Made by the
// kernel: no byte of it is in this process's memory.
Result<void> copy_to_new(int from, const std::string& path, mode_t mode);

Result<void> sync_folder(const std::string& path);

// Opens `path` below the folder `root`, by rules of openat2 (RESOLVE_…) for links and `..` on the
// way. Without a descriptor, errno says why.
UniqueFd open_below(int root, const std::string& path, int flags, std::uint64_t resolve);

// mkdir -p. An existing folder is success.
Result<void> make_folders(const std::string& path, mode_t mode = 0755);

// rm -rf, which does not follow links and does not cross into another file system's mounts by name
// alone. A path that does not exist is success.
Result<void> remove_tree(const std::string& path);

}  // namespace ionian
