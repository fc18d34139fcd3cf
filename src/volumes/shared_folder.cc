#include "volumes/shared_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "base/file.h"
#include "volumes/tree.h"

namespace ionian::volumes {
namespace {

using Entries = std::map<std::string, SharedEntry>;

// What a pattern may look at, fitting or not.
constexpr std::size_t kVisitsMax = 1'000'000;

// Links are followed as if `root` were the root of all.
UniqueFd open_below(int root, const std::string& path, int flags) {
  return ionian::open_below(root, path.empty() ? "." : path, flags,
                            RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

// Of the last system call, with errno.
std::unexpected<Status> no_file(const std::string& path) {
  if (errno == ENOENT) return fail(Code::kNotFound, "/", path, " not found in this file system");
  if (errno == ENOTDIR || errno == EISDIR || errno == ENXIO || errno == ELOOP)
    return fail(Code::kFailedPrecondition, "/", path, " cannot be opened: ", ::strerror(errno));
  if (errno == ENOSPC || errno == EDQUOT)
    return fail(Code::kResourceExhausted, "the server's disk is full");
  return sys_fail(cat("open /", path));
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}
std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<UniqueFd> open_folder(int root, const std::string& path) {
  UniqueFd fd = open_below(root, path, O_RDONLY | O_DIRECTORY);
  if (!fd) return no_file(path);
  return fd;
}

Result<UniqueFd> make_folder(int root, const std::string& path) {
  if (UniqueFd there = open_below(root, path, O_RDONLY | O_DIRECTORY)) return there;
  if (errno != ENOENT || path.empty()) return no_file(path);
  ASSIGN_OR_RETURN(const UniqueFd above, make_folder(root, parent_of(path)));
  if (::mkdirat(above.get(), name_of(path).c_str(), 0755) != 0 && errno != EEXIST)
    return no_file(path);
  // Also one that somebody else has just made: its maker may not have come to this line yet.
  if (::fsync(above.get()) != 0) return no_file(path);
  return open_folder(root, path);
}

SharedEntry entry_of(std::string path, const struct stat& info) {
  using Kind = SharedEntry::Kind;
  return {.path = std::move(path),
          .kind = S_ISREG(info.st_mode)   ? Kind::kFile
                  : S_ISDIR(info.st_mode) ? Kind::kFolder
                  : S_ISLNK(info.st_mode) ? Kind::kLink
                                          : Kind::kOther,
          .size = static_cast<std::uint64_t>(info.st_size),
          .mtime = info.st_mtime};
}

// What stands in a folder; what is removed meanwhile may be missing.
std::vector<SharedEntry> children_of(UniqueFd folder, std::size_t most) {
  std::vector<SharedEntry> found;
  const int fd = folder.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (!stream) return found;
  folder.release();
  while (const dirent* each = ::readdir(stream.get())) {
    const std::string name = each->d_name;
    struct stat info;
    if (name == "." || name == "..") continue;
    if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    found.push_back(entry_of(name, info));
    if (found.size() > most) break;
  }
  return found;
}

// The files that a pattern fits: `words` are its parts between slashes.
class Glob {
 public:
  Glob(int root, const std::string& pattern) : root_(root) {
    for (std::size_t at = 0; at <= pattern.size();) {
      const std::size_t slash = std::min(pattern.find('/', at), pattern.size());
      words_.push_back(pattern.substr(at, slash - at));
      at = slash + 1;
    }
  }
  Result<Entries> find() {
    walk("", 0);
    if (visits_ > kVisitsMax || found_.size() > SharedFolder::kEntriesMax)
      return fail(Code::kResourceExhausted, "more than ", SharedFolder::kEntriesMax,
                  " files fit, or more than ", kVisitsMax,
                  " had to be looked at. Name a folder of them");
    return std::move(found_);
  }

 private:
  bool is_full() const { return visits_ > kVisitsMax || found_.size() > SharedFolder::kEntriesMax; }
  void walk(const std::string& folder, std::size_t word) {
    UniqueFd fd = open_below(root_, folder, O_RDONLY | O_DIRECTORY);
    if (!fd) return;
    const bool any_depth = words_[word] == "**", last = word + 1 == words_.size();
    if (any_depth && !last) walk(folder, word + 1);
    for (SharedEntry& entry : children_of(std::move(fd), kVisitsMax)) {
      if (++visits_; is_full()) return;
      if (!any_depth && ::fnmatch(words_[word].c_str(), entry.path.c_str(), 0) != 0) continue;
      const bool is_folder = entry.kind == SharedEntry::Kind::kFolder;
      entry.path = folder.empty() ? entry.path : cat(folder, '/', entry.path);
      const std::string path = entry.path;
      if (last) found_.emplace(path, std::move(entry));
      if (is_folder && any_depth) walk(path, word);
      if (is_folder && !any_depth && !last) walk(path, word + 1);
    }
  }

  const int root_;
  std::vector<std::string> words_;
  Entries found_;
  std::size_t visits_ = 0;
};

}  // namespace

Result<SharedFolder> SharedFolder::open(const std::string& folder, const std::string& incoming) {
  const bool is_new = ::access(folder.c_str(), F_OK) != 0;
  for (const std::string& path : {folder, incoming}) TRY(make_folders(path));
  if (is_new) TRY(sync_folder(parent_of(folder)));
  UniqueFd root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd half(::open(incoming.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root || !half) return sys_fail(cat("open ", folder));
  return SharedFolder(std::move(root), std::move(half));
}

Result<void> SharedFolder::put(const std::string& given, Random& random,
                               const std::function<Result<void>(int fd)>& fill) const {
  ASSIGN_OR_RETURN(const std::string path, clean_path(given));
  if (path.empty() || given.ends_with('/'))
    return fail(Code::kInvalidArgument, "'", given, "' is no path of a file");
  ASSIGN_OR_RETURN(const UniqueFd folder, make_folder(root_.get(), parent_of(path)));
  const std::string half = random_base62(random, 22);
  const UniqueFd file(
      ::openat(incoming_.get(), half.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return no_file(path);
  const auto bring = [&]() -> Result<void> {
    TRY(fill(file.get()));
    if (::fsync(file.get()) != 0 ||
        ::renameat(incoming_.get(), half.c_str(), folder.get(), name_of(path).c_str()) != 0 ||
        ::fsync(folder.get()) != 0)
      return no_file(path);
    return {};
  };
  Result<void> done = bring();
  if (!done) ::unlinkat(incoming_.get(), half.c_str(), 0);
  return done;
}

Result<UniqueFd> SharedFolder::read(const std::string& given) const {
  ASSIGN_OR_RETURN(const std::string path, clean_path(given));
  // A pipe that a program has put there must not hold the reader up.
  UniqueFd file = open_below(root_.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return no_file(path);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return sys_fail(cat("look at /", path));
  if (!S_ISREG(info.st_mode))
    return fail(Code::kFailedPrecondition, "/", path, " is no file of this file system");
  return file;
}

Result<std::vector<SharedEntry>> SharedFolder::list(const std::string& given) const {
  ASSIGN_OR_RETURN(const std::string path, clean_path(given));
  std::vector<SharedEntry> found;
  if (path.find('*') != path.npos) {
    ASSIGN_OR_RETURN(Entries entries, Glob(root_.get(), path).find());
    for (auto& [name, entry] : entries) found.push_back(std::move(entry));
    return found;
  }
  const UniqueFd fd = open_below(root_.get(), path, O_PATH);
  struct stat info;
  if (!fd || ::fstat(fd.get(), &info) != 0) return no_file(path);
  if (!S_ISDIR(info.st_mode)) return std::vector{entry_of(path, info)};
  ASSIGN_OR_RETURN(UniqueFd folder, open_folder(root_.get(), path));
  found = children_of(std::move(folder), kEntriesMax);
  if (found.size() > kEntriesMax)
    return fail(Code::kResourceExhausted, "/", path, " holds more than ", kEntriesMax,
                " files; list those that fit a pattern");
  std::ranges::sort(found, {}, &SharedEntry::path);
  return found;
}

Result<void> SharedFolder::remove(const std::string& given, bool recursive) const {
  ASSIGN_OR_RETURN(const std::string path, clean_path(given));
  if (path.empty())
    return fail(Code::kInvalidArgument, "the root stays; remove what is in it, by name");
  ASSIGN_OR_RETURN(const UniqueFd folder, open_folder(root_.get(), parent_of(path)));
  const std::string name = name_of(path);
  struct stat info;
  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return no_file(path);
  if (S_ISDIR(info.st_mode) && !recursive)
    return fail(Code::kFailedPrecondition, "/", path,
                " is a folder; it is removed with all that is in it only if that is asked for "
                "(recursive)");
  if (!S_ISDIR(info.st_mode)) {
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0) return no_file(path);
  } else {
    TRY(remove_tree(cat("/proc/self/fd/", folder.get(), "/", name)));
  }
  if (::fsync(folder.get()) != 0) return sys_fail(cat("remove /", path));
  return {};
}

}  // namespace ionian::volumes
