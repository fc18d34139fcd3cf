#pragma once
// What a container has changed in a volume, read from the upper folder of its overlay while it may
// go on writing.
#include <unordered_map>
#include <unordered_set>

#include "volumes/contents.h"
#include "volumes/tree.h"

namespace ionian::volumes {

// What earlier scans of the same upper have brought, so that the next one brings only what is new.
struct Seen {
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  std::unordered_map<std::string, Stamp> files;
  struct Folder {
    std::uint64_t inode = 0;
    std::uint32_t mode = 0;
    bool hides = false;    // what the lowers have in its place
    std::string redirect;  // where the lowers have what it was renamed from
    friend bool operator==(const Folder&, const Folder&) = default;
  };
  std::unordered_map<std::string, Folder> folders;
  std::unordered_set<std::string> removed;
};

struct Upper {
  std::string folder;
  std::vector<std::string> lowers;  // that it stands on, lowest first
};

// The changes since the last scan, folders before what is in them; the bytes of files are in
// `batch`. `seen` becomes what it is after them: keep it only if they are kept.
Result<std::vector<Change>> scan_upper(const Upper& upper, Contents::Batch& batch, Seen& seen);

// What stands in a folder of a stack of layers, with all below it, by path relative to it; and the
// host's paths of files.
struct Below {
  store::VolumeEntry entry;  // without content, but for links
  std::string host_path;
};
std::vector<Below> list_lowers(const std::vector<std::string>& lowers, const std::string& path);
// Whether there is anything at this path.
bool lowers_show(const std::vector<std::string>& lowers, const std::string& path);

}  // namespace ionian::volumes
