#include "volumes/layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <unordered_set>

#include "base/file.h"
#include "base/log.h"
#include "store/objects.h"
#include "volumes/upper.h"

namespace ionian::volumes {
namespace {

using store::EntryKind;
using store::VolumeEntry;

// Writes one layer.
class Writer {
 public:
  Writer(std::string root, std::vector<std::string> lowers, const Contents& contents,
         const WorkspaceId& workspace)
      : root_(std::move(root)),
        lowers_(std::move(lowers)),
        contents_(contents),
        workspace_(workspace) {}

  // By path: folders come before what is in them.
  Result<void> add(const VolumeEntry& entry) {
    const std::string parent = store::parent_path(entry.path);
    if (hidden_.contains(parent)) {
      // The folder has gone, and with it all that was there.
      hidden_.insert(entry.path);
      return {};
    }
    if (entry.kind != EntryKind::kFolder) hidden_.insert(entry.path);
    // A mark that covers nothing would be listed itself, where its folder is in no lower.
    if (entry.kind == EntryKind::kGone && !lowers_show(lowers_, entry.path)) return {};
    TRY(make_folder(parent));
    const std::string path = cat(root_, '/', entry.path);
    switch (entry.kind) {
      case EntryKind::kGone:
        if (::mknod(path.c_str(), S_IFCHR, makedev(0, 0)) != 0)
          return sys_fail(cat("mark ", path, " as removed"));
        return {};
      case EntryKind::kFile:
        return link_file(entry, path);
      case EntryKind::kLink:
        if (::symlink(entry.content.c_str(), path.c_str()) != 0)
          return sys_fail(cat("make the link ", path));
        return {};
      case EntryKind::kFolder:
        TRY(make_folder(entry.path));
        folders_[entry.path] = entry;
        return {};
    }
    return {};
  }

  // Folders that were only made on the way to others.
  std::vector<std::string> bare() const {
    std::vector<std::string> found;
    for (const std::string& path : made_)
      if (!folders_.contains(path)) found.push_back(path);
    return found;
  }
  void describe(const VolumeEntry& folder) { folders_[folder.path] = folder; }

  // Now that nothing is put into them any more.
  void set_folders() {
    for (auto it = folders_.rbegin(); it != folders_.rend(); ++it) {
      const std::string path = cat(root_, '/', it->first);
      ::chmod(path.c_str(), it->second.mode);
      const std::int64_t ns = it->second.mtime_ns;
      const timespec at{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
      const timespec times[2] = {at, at};
      ::utimensat(AT_FDCWD, path.c_str(), times, 0);
    }
  }

 private:
  static std::unexpected<Status> damaged(const VolumeEntry& entry) {
    return fail(Code::kDataLoss, "/", entry.path,
                " is not on the server's disk as it was stored. Put the file there anew, as "
                "`modal volume put` does, or remove it; the owner's `ionian admin volumes check` "
                "names all such files");
  }

  Result<void> make_folder(const std::string& path) {
    if (path.empty() || made_.contains(path)) return {};
    TRY(make_folder(store::parent_path(path)));
    const std::string at = cat(root_, '/', path);
    if (::mkdir(at.c_str(), 0755) != 0 && errno != EEXIST) return sys_fail(cat("make ", at));
    made_.insert(path);
    return {};
  }

  Result<void> link_file(const VolumeEntry& entry, const std::string& path) {
    const std::string from = contents_.path_of(workspace_, entry.content, entry.mode);
    if (::link(from.c_str(), path.c_str()) == 0) {
      struct stat info{};
      if (::stat(path.c_str(), &info) == 0 &&
          static_cast<std::uint64_t>(info.st_size) == entry.size)
        return {};
      return damaged(entry);
    }
    if (errno == ENOENT) return damaged(entry);
    if (errno != EMLINK) return sys_fail(cat("link ", from));
    // ext4 gives a file 65,000 names.
    const UniqueFd file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return sys_fail(cat("open ", from));
    return copy_to_new(file.get(), path, entry.mode);
  }

  const std::string root_;
  const std::vector<std::string> lowers_;
  const Contents& contents_;
  const WorkspaceId& workspace_;
  std::unordered_set<std::string> made_, hidden_;
  std::map<std::string, VolumeEntry> folders_;
};

std::string name_of(store::Store& store, const WorkspaceId& workspace, const std::string& volume) {
  const auto object = store.read(
      [&](store::View& view) { return store::find_object(view, workspace, "volume", volume); });
  return object && !object->name.empty() ? object->name : volume;
}

}  // namespace

std::vector<std::string> Stack::paths() const {
  std::vector<std::string> found;
  found.reserve(layers.size());
  for (const auto& layer : layers) found.push_back(layer->path);
  return found;
}

Layers::Layers(std::string folder, store::Store& store, Contents& contents, Pool& pool,
               std::function<void(std::string)> remove)
    : folder_(std::move(folder)),
      store_(store),
      contents_(contents),
      pool_(pool),
      remove_(std::move(remove)) {}

Result<std::unique_ptr<Layers>> Layers::open_folder(std::string folder, store::Store& store,
                                                    Contents& contents, Pool& pool,
                                                    std::function<void(std::string)> remove) {
  TRY(make_folders(folder, 0700));
  // Nobody stands on a former life's layers, so that what has been removed need not be known.
  TRY(store.write_now([](store::Tx& tx) -> Result<void> {
    store::forget_all_removals(tx);
    return {};
  }));
  std::unique_ptr<Layers> made(new Layers(std::move(folder), store, contents, pool, remove));
  return made;
}

std::shared_ptr<Layers::Known> Layers::known_of(const std::string& volume) {
  std::lock_guard lock(mutex_);
  if (known_.size() > kKnownMax)
    std::erase_if(known_, [&](const auto& each) {
      return each.first != volume && each.second.use_count() == 1;
    });
  auto& known = known_[volume];
  if (!known) known = std::make_shared<Known>();
  return known;
}

void Layers::forget(const std::string& volume) {
  std::lock_guard lock(mutex_);
  const auto known = known_.find(volume);
  if (known == known_.end()) return;
  known->second->forgotten = true;
  known_.erase(known);
}

Result<Stack> Layers::stack_of(const WorkspaceId& workspace, const std::string& volume) {
  for (;;) {
    const std::shared_ptr<Known> known = known_of(volume);
    std::lock_guard lock(known->mutex);
    Stack& stack = known->stack;
    if (stack.layers.size() >= kMost) stack = {};
    ASSIGN_OR_RETURN(Made made, make(workspace, volume, stack));
    // Others know it anew by now, and may have forgotten removals before these were read.
    if (known->forgotten) continue;
    if (made.layer) stack.layers.push_back(std::move(made.layer));
    stack.version = made.version;
    if (!known->merging) forget_removals(volume, stack.version);
    if (stack.layers.size() >= kMergeAt && !known->merging) merge_later(workspace, volume, known);
    return stack;
  }
}

void Layers::merge_later(const WorkspaceId& workspace, const std::string& volume,
                         const std::shared_ptr<Known>& known) {
  known->merging = pool_.post([this, workspace, volume, known] {
    Result<Made> made = make(workspace, volume, {});
    std::lock_guard lock(known->mutex);
    known->merging = false;
    // Later changes come as layers on top of it, when somebody asks.
    if (made) known->stack = {.version = made->version, .layers = {std::move(made->layer)}};
  });
}

void Layers::forget_removals(const std::string& volume, std::int64_t up_to) {
  store_.write(
      [volume, up_to](store::Tx& tx) -> Result<void> {
        store::forget_removals(tx, volume, up_to);
        return {};
      },
      {});
}

Result<Layers::Made> Layers::make(const WorkspaceId& workspace, const std::string& volume,
                                  const Stack& below) {
  // The version first: what comes between is in the changes, and once more in the next ones.
  const auto version_now = [&]() -> Result<std::int64_t> {
    const auto record = store_.read([&](store::View& v) { return store::find_volume(v, volume); });
    if (!record) return fail(Code::kNotFound, "volume '", volume, "' not found: it was deleted");
    return record->version;
  };
  ASSIGN_OR_RETURN(const std::int64_t version, version_now());
  Result<Made> made = make_version(version, workspace, volume, below);
  if (made || made.error().code != Code::kDataLoss) return made;
  // A file that was replaced or removed meanwhile may have gone off the disk before it was linked.
  ASSIGN_OR_RETURN(const std::int64_t newer, version_now());
  return newer == version ? made : make_version(newer, workspace, volume, below);
}

Result<Layers::Made> Layers::make_version(std::int64_t version, const WorkspaceId& workspace,
                                          const std::string& volume, const Stack& below) {
  const std::int64_t after = below.layers.empty() ? -1 : below.version;
  if (version == after) return Made{.version = after};
  const std::vector<VolumeEntry> changes =
      store_.read([&](store::View& v) { return store::list_volume_changes(v, volume, after); });
  std::string path;
  {
    std::lock_guard lock(mutex_);
    path = cat(folder_, '/', ++next_);
  }
  TRY(make_folders(path));
  auto layer = std::make_shared<const Layer>(path, remove_);
  Writer writer(path, below.paths(), contents_, workspace);
  for (const VolumeEntry& entry : changes)
    if (Result<void> added = writer.add(entry); !added)
      return fail(added.error().code, "volume '", name_of(store_, workspace, volume),
                  "': ", added.error().message);
  const std::vector<std::string> bare = writer.bare();
  store_.read([&](store::View& view) {
    for (const std::string& folder : bare)
      if (const auto entry = store::find_volume_entry(view, volume, folder))
        writer.describe(*entry);
  });
  writer.set_folders();
  return Made{.version = version, .layer = std::move(layer)};
}

}  // namespace ionian::volumes
