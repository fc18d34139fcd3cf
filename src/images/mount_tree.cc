#include "images/mount_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "base/file.h"
#include "base/names_in.h"
#include "images/folder_lock.h"

namespace ionian::images {
namespace {

constexpr std::uint32_t kDefaultMode = 0644;

std::uint32_t permissions(std::uint32_t mode) {
  const std::uint32_t bits = mode & 0777;
  return bits == 0 ? kDefaultMode : bits;
}

Result<void> check_names(const std::vector<MountFile>& sorted) {
  std::unordered_set<std::string_view> names;
  for (const MountFile& file : sorted) names.insert(file.filename);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string& name = sorted[i].filename;
    if (!is_clean_absolute(name))
      return fail(Code::kInvalidArgument, "a mount's file has the name \"", name,
                  "\"; names are absolute, without \"..\" and \".\"");
    if (!blobs::is_sha256_hex(sorted[i].sha256))
      return fail(Code::kInvalidArgument, name, " in a mount has no valid sha256");
    if (i > 0 && sorted[i - 1].filename == name)
      return fail(Code::kInvalidArgument, name, " is in the mount twice");
    for (std::size_t slash = name.rfind('/'); slash != 0; slash = name.rfind('/', slash - 1))
      if (names.contains(std::string_view(name).substr(0, slash)))
        return fail(Code::kInvalidArgument, name.substr(0, slash),
                    " is a file and a folder in the mount");
  }
  return {};
}

Result<void> place(const blobs::BlobStore& blobs, const MountFile& file, const std::string& path) {
  const std::uint32_t mode = permissions(file.mode);
  if (mode == kDefaultMode) {
    if (::link(blobs.path_of(file.sha256).c_str(), path.c_str()) == 0) return {};
    // Too many names for one file, or another file system: a copy serves as well.
    if (errno != EMLINK && errno != EXDEV && errno != ENOENT) return sys_fail(cat("link ", path));
  }
  ASSIGN_OR_RETURN(const blobs::OpenBlob blob, blobs.open(file.sha256));
  return copy_to_new(blob.fd.get(), path, mode);
}

}  // namespace

bool is_clean_absolute(std::string_view name) {
  if (!name.starts_with('/') || name.find('\0') != name.npos) return false;
  while (!name.empty()) {
    name.remove_prefix(1);
    const std::string_view part = name.substr(0, name.find('/'));
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    name.remove_prefix(part.size());
  }
  return true;
}

Result<MountTrees> MountTrees::open_folder(std::string root, const blobs::BlobStore& blobs) {
  TRY(clear_scratch(root));
  return MountTrees(std::move(root), blobs);
}

std::string MountTrees::key_of(const std::vector<MountFile>& sorted) {
  blobs::Hasher hasher = blobs::Hasher::sha256();
  for (const MountFile& file : sorted)
    hasher.update(cat(file.filename, std::string_view("\0", 1), file.sha256, " ",
                      permissions(file.mode), "\n"));
  return hasher.hex();
}

Result<std::string> MountTrees::tree_of(std::vector<MountFile> files) const {
  std::ranges::sort(files, {}, &MountFile::filename);
  TRY(check_names(files));
  const std::string path = cat(root_, "/", key_of(files));
  // Workspaces share it. Whether it was there shows only in the moment at which a container starts,
  // which varies by more, and only to somebody who has all of these files.
  if (::access(path.c_str(), F_OK) == 0) return path;

  ASSIGN_OR_RETURN(ScratchFolder scratch, ScratchFolder::make(root_));
  std::string made;  // the folder that was made last: names are sorted, so neighbours share it
  for (const MountFile& file : files) {
    const std::string to = scratch.path() + file.filename;
    const std::string folder = to.substr(0, to.rfind('/'));
    if (folder != made) TRY(make_folders(folder));
    made = folder;
    if (Result<void> done = place(*blobs_, file, to); !done)
      return prepend(file.filename, done.error());
  }
  // Another thread may have come first: its tree is the same.
  if (Result<void> done = scratch.publish(path); !done && done.error().code != Code::kAlreadyExists)
    return std::unexpected(done.error());
  return path;
}

std::vector<std::string> MountTrees::list_older_than(Time before) const {
  std::vector<std::string> found;
  for (std::string& name : names_in(root_)) {
    struct stat info{};
    if (!blobs::is_sha256_hex(name) || ::lstat(cat(root_, '/', name).c_str(), &info) != 0) continue;
    const Time made(std::chrono::seconds(info.st_ctim.tv_sec));
    if (made < before) found.push_back(std::move(name));
  }
  return found;
}

Result<void> MountTrees::remove(const std::string& key) const {
  // First its name goes, at once: half a tree must not be found under it.
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(root_));
  const std::string from = cat(root_, '/', key), to = cat(scratch.path(), "/tree");
  if (::rename(from.c_str(), to.c_str()) != 0) return sys_fail(cat("rename ", from));
  return {};
}

}  // namespace ionian::images
