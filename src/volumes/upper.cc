#include "volumes/upper.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/file.h"

namespace ionian::volumes {
namespace {

constexpr std::size_t kLinkMax = 4096;

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

std::string attribute(int fd, const char* name) {
  char value[kLinkMax];
  const ssize_t n = ::fgetxattr(fd, name, value, sizeof value);
  return n > 0 ? std::string(value, static_cast<std::size_t>(n)) : "";
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : cat(folder, '/', name);
}

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

store::VolumeEntry entry_of(const std::string& path, const struct stat& info) {
  return {.path = path,
          .kind = S_ISDIR(info.st_mode)   ? store::EntryKind::kFolder
                  : S_ISLNK(info.st_mode) ? store::EntryKind::kLink
                                          : store::EntryKind::kFile,
          .mode = info.st_mode & 07777,
          .mtime_ns = nanoseconds(info.st_mtim),
          .size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0};
}

std::string read_link(int at, const char* name) {
  char target[kLinkMax];
  const ssize_t n = ::readlinkat(at, name, target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : "";
}

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  // A descriptor of its own: reading moves its place.
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = copy < 0 ? nullptr : ::fdopendir(copy);
  while (const dirent* entry = dir ? ::readdir(dir) : nullptr)
    if (std::string_view name(entry->d_name); name != "." && name != "..") names.emplace_back(name);
  if (dir) ::closedir(dir);
  std::ranges::sort(names);
  return names;
}

UniqueFd open_folder_at(int at, const char* name) {
  return UniqueFd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

class Scanner {
 public:
  Scanner(const Upper& upper, Contents::Batch& batch, Seen& seen)
      : upper_(upper), batch_(batch), seen_(seen) {}

  Result<std::vector<Change>> run() {
    const UniqueFd root(::open(upper_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return sys_fail(cat("open ", upper_.folder));
    TRY(walk(root.get(), "", ""));
    add_vanished(root.get());
    return std::move(changes_);
  }

 private:
  // `origin`: the folder of the lowers that shows through this one.
  Result<void> walk(int folder, const std::string& path, const std::string& origin) {
    for (const std::string& name : names_in(folder)) {
      struct stat info{};
      if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      const std::string at = joined(path, name);
      present_.insert(at);
      if (is_whiteout(info)) {
        seen_.files.erase(at);
        seen_.folders.erase(at);
        if (seen_.removed.insert(at).second)
          changes_.push_back({.entry = {.path = at, .kind = store::EntryKind::kGone}});
        continue;
      }
      seen_.removed.erase(at);
      if (S_ISDIR(info.st_mode)) {
        seen_.files.erase(at);
        TRY(enter(folder, name, info, at, joined(origin, name)));
        continue;
      }
      seen_.folders.erase(at);
      if (S_ISREG(info.st_mode)) {
        TRY(take_file(folder, name, at));
      } else if (S_ISLNK(info.st_mode) && is_new(at, info)) {
        changes_.push_back({.entry = entry_of(at, info)});
        changes_.back().entry.content = read_link(folder, name.c_str());
      }
    }
    return {};
  }

  Result<void> enter(int parent, const std::string& name, const struct stat& info,
                     const std::string& path, std::string origin) {
    const UniqueFd folder = open_folder_at(parent, name.c_str());
    if (!folder) return {};  // gone meanwhile
    const std::string redirect = attribute(folder.get(), "trusted.overlay.redirect");
    const bool hides =
        !redirect.empty() || attribute(folder.get(), "trusted.overlay.opaque") == "y";
    if (!redirect.empty())
      origin = redirect.front() == '/' ? redirect.substr(1)
                                       : joined(store::parent_path(origin), redirect);
    auto& known = seen_.folders[path];
    const Seen::Folder before = std::exchange(known, {info.st_ino, info.st_mode, hides, redirect});
    // A folder made anew often has the number of the one that was removed.
    const bool first =
        before.inode != known.inode || before.hides != hides || before.redirect != redirect;
    if (before != known)
      changes_.push_back({.entry = entry_of(path, info), .alone = hides && first});
    if (hides && first) forget_removals_in(path);
    if (!redirect.empty() && first) TRY(take_moved(path, origin));
    return walk(folder.get(), path, origin);
  }

  // They were those of what the folder's place had before.
  void forget_removals_in(const std::string& path) {
    const std::string below = path + '/';
    std::erase_if(seen_.removed, [&](const std::string& each) { return each.starts_with(below); });
  }

  // A folder that was renamed: what it had is what the lowers have at its former place.
  Result<void> take_moved(const std::string& path, const std::string& origin) {
    for (Below& below : list_lowers(upper_.lowers, origin)) {
      std::string to = joined(path, below.entry.path);
      if (below.entry.kind == store::EntryKind::kFile) {
        ASSIGN_OR_RETURN(store::VolumeContent content,
                         batch_.add_lasting(below.host_path, below.entry.mode));
        bring(std::move(below.entry), std::move(to), std::move(content));
        continue;
      }
      below.entry.path = std::move(to);
      changes_.push_back({.entry = std::move(below.entry)});
    }
    return {};
  }

  // What earlier scans have brought and no lower has leaves no trace when it is removed.
  void add_vanished(int root) {
    std::vector<Change> vanished;
    const auto has_gone = [&](const auto& each) {
      struct stat info{};
      // Whoever is replaced by a rename may not be listed for a moment.
      if (present_.contains(each.first) ||
          ::fstatat(root, each.first.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
      vanished.push_back({.entry = {.path = each.first, .kind = store::EntryKind::kGone}});
      return true;
    };
    std::erase_if(seen_.files, has_gone);
    std::erase_if(seen_.folders, has_gone);
    changes_.insert(changes_.begin(), std::make_move_iterator(vanished.begin()),
                    std::make_move_iterator(vanished.end()));
  }

  bool is_new(const std::string& path, const struct stat& info) {
    const Seen::Stamp stamp{info.st_ino, nanoseconds(info.st_ctim)};
    return std::exchange(seen_.files[path], stamp) != stamp;
  }

  Result<void> take_file(int folder, const std::string& name, const std::string& path) {
    const UniqueFd file(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return {};  // gone meanwhile
    // What a program has mapped is written to without a trace until it was written back once.
    constexpr unsigned kAll =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return sys_fail(cat("look at ", path));
    const auto known = seen_.files.find(path);
    const bool same = known != seen_.files.end() &&
                      known->second == Seen::Stamp{info.st_ino, nanoseconds(info.st_ctim)};
    if (same) return {};
    (void)::sync_file_range(file.get(), 0, 0, kAll);
    // Before it is read: what changes from now on is the next scan's.
    if (::fstat(file.get(), &info) != 0) return sys_fail(cat("look at ", path));
    (void)is_new(path, info);
    store::VolumeEntry entry = entry_of(path, info);
    ASSIGN_OR_RETURN(store::VolumeContent content,
                     batch_.add(file.get(), entry.mode, entry.mtime_ns));
    bring(std::move(entry), path, std::move(content));
    return {};
  }

  void bring(store::VolumeEntry entry, std::string path, store::VolumeContent content) {
    entry.path = std::move(path);
    entry.content = content.id;
    entry.size = content.size;
    changes_.push_back({.entry = std::move(entry), .brought = std::move(content)});
  }

  const Upper& upper_;
  Contents::Batch& batch_;
  Seen& seen_;
  std::vector<Change> changes_;
  std::unordered_set<std::string> present_;
};

using Tree = std::map<std::string, Below>;

void erase_below(Tree& tree, const std::string& path) {
  tree.erase(tree.lower_bound(path + '/'), tree.lower_bound(path + static_cast<char>('/' + 1)));
}

void lay_over(Tree& tree, int folder, const std::string& host, const std::string& path) {
  for (const std::string& name : names_in(folder)) {
    struct stat info{};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const std::string at = joined(path, name);
    if (!S_ISDIR(info.st_mode)) erase_below(tree, at);
    if (is_whiteout(info)) {
      tree.erase(at);
      continue;
    }
    Below below{.entry = entry_of(at, info), .host_path = cat(host, '/', name)};
    if (S_ISLNK(info.st_mode)) below.entry.content = read_link(folder, name.c_str());
    tree.insert_or_assign(at, std::move(below));
    if (!S_ISDIR(info.st_mode)) continue;
    if (const UniqueFd child = open_folder_at(folder, name.c_str()))
      lay_over(tree, child.get(), cat(host, '/', name), at);
  }
}

}  // namespace

Result<std::vector<Change>> scan_upper(const Upper& upper, Contents::Batch& batch, Seen& seen) {
  return Scanner(upper, batch, seen).run();
}

std::vector<Below> list_lowers(const std::vector<std::string>& lowers, const std::string& path) {
  Tree tree;
  for (const std::string& lower : lowers) {
    UniqueFd at(::open(lower.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::string rest = path;
    while (at && !rest.empty()) {
      const std::string name = rest.substr(0, rest.find('/'));
      rest.erase(0, std::min(rest.size(), name.size() + 1));
      struct stat info{};
      const bool there = ::fstatat(at.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
      // Something else stood in the place of the folder, or nothing did.
      if (there && !S_ISDIR(info.st_mode)) tree.clear();
      at = there && S_ISDIR(info.st_mode) ? open_folder_at(at.get(), name.c_str()) : UniqueFd();
    }
    if (at) lay_over(tree, at.get(), cat(lower, '/', path), "");
  }
  std::vector<Below> found;
  for (auto& [at, below] : tree) found.push_back(std::move(below));
  return found;
}

bool lowers_show(const std::vector<std::string>& lowers, const std::string& path) {
  for (auto lower = lowers.rbegin(); lower != lowers.rend(); ++lower) {
    const UniqueFd root(::open(lower->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd at =
        open_below(root.get(), path, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    struct stat info{};
    if (at) return ::fstat(at.get(), &info) == 0 && !is_whiteout(info);
    // Else a file, a link or a mark on the way hides what lies lower.
    if (errno != ENOENT) return false;
  }
  return false;
}

}  // namespace ionian::volumes
