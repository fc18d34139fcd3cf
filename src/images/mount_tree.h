#pragma once
// Mounts of a client as folders: a list of (path in the container, content, mode) becomes a tree
// that overlayfs can stack read-only.
#include <cstdint>
#include <string>
#include <vector>

#include "blobs/store.h"

namespace ionian::images {

struct MountFile {
  std::string filename;    // absolute path in the container: "/root/hello.py"
  std::string sha256;      // lower-case hex; its content is a blob
  std::uint32_t mode = 0;  // st_mode bits; 0 = 0644
};

class MountTrees {
 public:
  // `root` must be on the blobs' file system for hard links; elsewhere files are copied. Makes
  // `root` if it is not there and removes what a former life left half done.
  static Result<MountTrees> open_folder(std::string root, const blobs::BlobStore& blobs);

  // The tree of these files, made on the first call with this list (in any order) and found on
  // later ones. A file of mode 0644 is a hard link to its blob: the tree must only be mounted
  // read-only. Owner is root.
  //   errors  INVALID_ARGUMENT a name that is not absolute, has "..", "." or empty parts, comes
  //   twice, or is a
  //           file and a folder at once · NOT_FOUND a content that is no blob
  Result<std::string> tree_of(std::vector<MountFile> files) const;

  // The keys of all trees that were made before then.
  std::vector<std::string> list_older_than(Time before) const;
  // Nobody mounts it, nor will before tree_of() makes it again.
  Result<void> remove(const std::string& key) const;

  // Hash of the list: equal lists, in any order, have equal keys.
  static std::string key_of(const std::vector<MountFile>& sorted);

 private:
  MountTrees(std::string root, const blobs::BlobStore& blobs)
      : root_(std::move(root)), blobs_(&blobs) {}
  std::string root_;
  const blobs::BlobStore* blobs_;
};

// Whether `name` is an absolute path without ".", "..", empty parts and NUL bytes.
bool is_clean_absolute(std::string_view name);

}  // namespace ionian::images
