#include "volumes/tree.h"

#include <unordered_set>

namespace ionian::volumes {
namespace {

constexpr std::size_t kNameMax = 255, kPathMax = 4000;
constexpr std::size_t kAll = 1'000'000'000;

std::string name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string joined(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : cat(folder, '/', name);
}

class Applier {
 public:
  Applier(store::Tx& tx, store::Volume& volume, Manner manner, Time now)
      : tx_(tx), volume_(volume), manner_(manner), now_(now), before_(volume.entries) {}

  Result<void> apply(const Change& change) {
    const store::VolumeEntry& entry = change.entry;
    if (entry.kind == store::EntryKind::kGone) {
      store::use_volume_content(tx_, volume_, entry.path, now_);
      store::use_contents_below(tx_, volume_, entry.path, now_);
      volume_.entries -= store::remove_volume_entries(tx_, volume_, entry.path);
      folders_.clear();
      return {};
    }
    TRY(make_parents(entry.path));
    const auto old = store::find_volume_entry(tx_, volume_.id, entry.path);
    const bool folder = entry.kind == store::EntryKind::kFolder;
    if (old) TRY(check_free(*old, entry));
    const bool was_folder = old && old->kind == store::EntryKind::kFolder;
    if (old && !was_folder) store::use_volume_content(tx_, volume_, entry.path, now_);
    if (was_folder && (!folder || change.alone)) {
      store::use_contents_below(tx_, volume_, entry.path, now_);
      volume_.entries -= store::remove_volume_children(tx_, volume_, entry.path);
      folders_.clear();
    }
    if (!old) count_new(entry.path);
    if (folder) folders_.insert(entry.path);
    // A folder that is only passed through is no change; one that hides others is.
    if (was_folder && folder && !change.alone && old->mode == entry.mode) return {};
    store::put_volume_entry(tx_, volume_, entry);
    return {};
  }

  Result<void> check_size(const Limits& limits) const {
    if (grown_.empty()) return {};
    const bool first = volume_.fs_version == 1;
    const std::int64_t most = first ? limits.entries_v1 : limits.entries;
    if (volume_.entries > most && volume_.entries > before_)
      return fail(Code::kResourceExhausted, "this volume would have ", volume_.entries,
                  " files, folders and links, and may have ", most, " (--volume-",
                  first ? "v1-" : "", "entries-max)");
    // A volume that has no more in all has no folder that does.
    if (first || volume_.entries <= limits.folder_entries) return {};
    for (const std::string& folder : grown_)
      if (store::has_more_children(tx_, volume_.id, folder, limits.folder_entries))
        return fail(Code::kResourceExhausted, "/", folder, " would have more than ",
                    limits.folder_entries, " files, folders and links (--volume-folder-max)");
    return {};
  }

 private:
  Result<void> check_free(const store::VolumeEntry& old, const store::VolumeEntry& entry) const {
    if (manner_ == Manner::kContainer) return {};
    const bool folder = entry.kind == store::EntryKind::kFolder;
    if ((old.kind == store::EntryKind::kFolder) != folder)
      return fail(Code::kAlreadyExists, "/", entry.path,
                  folder ? " is no folder of this volume; a folder cannot take its place"
                         : " is a folder of this volume; a file cannot take its place");
    if (manner_ == Manner::kUploadNew && !folder)
      return fail(Code::kAlreadyExists, "/", entry.path,
                  " already exists in this volume; force overwrites it");
    return {};
  }

  Result<void> make_parents(const std::string& path) {
    const std::string parent = store::parent_path(path);
    if (parent.empty() || folders_.contains(parent)) return {};
    TRY(make_parents(parent));
    const auto old = store::find_volume_entry(tx_, volume_.id, parent);
    if (old && old->kind != store::EntryKind::kFolder && manner_ != Manner::kContainer)
      return fail(Code::kFailedPrecondition, "/", parent, " is a file of this volume, no folder");
    if (!old || old->kind != store::EntryKind::kFolder) {
      store::put_volume_entry(tx_, volume_,
                              {.path = parent,
                               .kind = store::EntryKind::kFolder,
                               .mode = 0755,
                               .mtime_ns = now_.time_since_epoch().count()});
      if (!old) count_new(parent);
    }
    folders_.insert(parent);
    return {};
  }

  void count_new(const std::string& path) {
    ++volume_.entries;
    grown_.insert(store::parent_path(path));
  }

  store::Tx& tx_;
  store::Volume& volume_;
  const Manner manner_;
  const Time now_;
  const std::int64_t before_;
  std::unordered_set<std::string> folders_;  // that are known to be there
  std::unordered_set<std::string> grown_;    // that something has come into
};

}  // namespace

Result<std::string> clean_path(std::string_view path) {
  std::string clean;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.empty() || name == ".") continue;
    if (name == ".." || name.find('\0') != std::string_view::npos)
      return fail(Code::kInvalidArgument, "path '", path, "' leads out of the volume");
    if (name.size() > kNameMax)
      return fail(Code::kInvalidArgument, "a name has at most ", kNameMax, " bytes: '", name, "'");
    if (!clean.empty()) clean += '/';
    clean += name;
  }
  if (clean.size() > kPathMax)
    return fail(Code::kInvalidArgument, "a path in a volume has at most ", kPathMax, " bytes");
  return clean;
}

Result<void> apply(store::Tx& tx, store::Volume& volume, const std::vector<Change>& changes,
                   Manner manner, const Limits& limits, Time now) {
  if (changes.empty()) return {};
  ++volume.version;
  Applier applier(tx, volume, manner, now);
  for (const Change& change : changes) {
    if (change.entry.size > limits.file_bytes)
      return fail(Code::kResourceExhausted, "/", change.entry.path, " has ", change.entry.size,
                  " bytes, and a file of a volume at most ", limits.file_bytes,
                  " (--volume-file-max)");
    TRY(applier.apply(change));
  }
  TRY(applier.check_size(limits));
  store::set_volume_version(tx, volume);
  return {};
}

Result<std::vector<Change>> plan_copy(store::View& view, const store::Volume& volume,
                                      const CopyWish& wish) {
  const auto target = store::find_volume_entry(view, volume.id, wish.to);
  const bool is_folder = wish.to.empty() || (target && target->kind == store::EntryKind::kFolder);
  if (wish.from.empty()) return fail(Code::kInvalidArgument, "nothing to copy was named");
  if (wish.from.size() > 1 && !is_folder)
    return fail(Code::kInvalidArgument, "several files can only be copied into a folder, and /",
                wish.to, " is none");
  if (wish.to_folder && !is_folder)
    return fail(Code::kNotFound, "folder /", wish.to, " not found in this volume");
  std::vector<Change> changes;
  for (const std::string& from : wish.from) {
    const auto source = store::find_volume_entry(view, volume.id, from);
    if (!source) return fail(Code::kNotFound, "/", from, " not found in this volume");
    const std::string to = is_folder ? joined(wish.to, name_of(from)) : wish.to;
    if (to == from) return fail(Code::kInvalidArgument, "/", from, " would be copied onto itself");
    changes.push_back({.entry = *source});
    changes.back().entry.path = to;
    if (source->kind != store::EntryKind::kFolder) continue;
    if (!wish.recursive)
      return fail(Code::kInvalidArgument, "/", from, " is a folder: copy it with recursive");
    if (to.starts_with(from + "/"))
      return fail(Code::kInvalidArgument, "/", from, " would be copied into itself");
    for (store::VolumeEntry& below :
         store::list_volume_entries(view, volume.id, from, store::Depth::kAll, "", kAll)) {
      below.path = to + below.path.substr(from.size());
      changes.push_back({.entry = std::move(below)});
    }
  }
  return changes;
}

}  // namespace ionian::volumes
