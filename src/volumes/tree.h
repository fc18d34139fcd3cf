#pragma once
// The tree of a volume and how it changes: all of a change or nothing, in one transaction.
#include <vector>

#include "store/volumes.h"

namespace ionian::volumes {

// "/a//b/./c/" -> "a/b/c"; "" is the root.   errors  INVALID_ARGUMENT "..", or too long
Result<std::string> clean_path(std::string_view path);

struct Change {
  store::VolumeEntry entry;  // kGone: it is removed, with all below it
  bool alone = false;        // a folder that has nothing but what other changes bring
  std::optional<store::VolumeContent> brought = {};  // of a file: what its content is made of
  std::string sha256 = {};                           // ... and its name, where a client gave one
};

struct Limits {
  std::int64_t entries_v1 = 500'000;      // files, folders and links of a volume of version 1
  std::int64_t entries = 1'000'000;       // ... and of version 2
  std::int64_t folder_entries = 262'144;  // of one folder of a volume of version 2
  std::uint64_t file_bytes = 1ULL << 40;  // of one file
};

// Who changes it: a client that sends files is told what stands in its way; what a container has
// done has happened, so the last one wins.
enum class Manner { kUpload, kUploadNew, kContainer };

// The changes in their order, folders before what is in them. `volume` gets its new version.
//   errors   ALREADY_EXISTS · FAILED_PRECONDITION a part of a path is a file ·
//            RESOURCE_EXHAUSTED more entries than a volume may have
Result<void> apply(store::Tx& tx, store::Volume& volume, const std::vector<Change>& changes,
                   Manner manner, const Limits& limits, Time now);

// What the paths in a copy mean, as `cp` has it: entries to bring, with their new paths.
//   errors   NOT_FOUND · INVALID_ARGUMENT a folder without `recursive`, several sources and no
//            folder to put them in
struct CopyWish {
  std::vector<std::string> from;
  std::string to;
  bool to_folder = false;  // the destination was written with a slash at its end
  bool recursive = false;
};
Result<std::vector<Change>> plan_copy(store::View& view, const store::Volume& volume,
                                      const CopyWish& wish);

}  // namespace ionian::volumes
