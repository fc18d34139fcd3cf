#include "store/volumes.h"

namespace ionian::store {
namespace {

// path, kind, mode, mtime, size, content
VolumeEntry entry_of(const Rows& rows) {
  return {.path = rows.text(0),
          .kind = static_cast<EntryKind>(rows.number(1)),
          .mode = static_cast<std::uint32_t>(rows.number(2)),
          .mtime_ns = rows.number(3),
          .size = static_cast<std::uint64_t>(rows.number(4)),
          .content = rows.text(5)};
}

std::vector<VolumeEntry> entries_of(Rows rows) {
  std::vector<VolumeEntry> found;
  while (rows.next()) found.push_back(entry_of(rows));
  return found;
}

// All paths below `path` lie between these.
std::string first_below(std::string_view path) { return cat(path, '/'); }
std::string first_after(std::string_view path) { return cat(path, static_cast<char>('/' + 1)); }

}  // namespace

std::string parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
}

void insert_volume(Tx& tx, std::string_view id, int fs_version) {
  tx.db().run("INSERT INTO volumes (id, fs_version, version, entries) VALUES (?, ?, 0, 0)", id,
              fs_version);
}

std::optional<Volume> find_volume(View& view, std::string_view id) {
  Rows rows =
      view.db().query("SELECT id, fs_version, version, entries FROM volumes WHERE id = ?", id);
  if (!rows.next()) return std::nullopt;
  return Volume{.id = rows.text(0),
                .fs_version = static_cast<int>(rows.number(1)),
                .version = rows.number(2),
                .entries = rows.number(3)};
}

void set_volume_version(Tx& tx, const Volume& volume) {
  tx.db().run("UPDATE volumes SET version = ?, entries = ? WHERE id = ?", volume.version,
              volume.entries, volume.id);
}

void rename_object(Tx& tx, std::string_view id, std::string_view name) {
  tx.db().run("UPDATE objects SET name = ? WHERE id = ?", name, id);
}

std::optional<VolumeEntry> find_volume_entry(View& view, std::string_view volume,
                                             std::string_view path) {
  Rows rows = view.db().query(
      "SELECT path, kind, mode, mtime, size, content FROM volume_entries WHERE volume = ? AND path "
      "= ? AND kind != 0",
      volume, path);
  if (!rows.next()) return std::nullopt;
  return entry_of(rows);
}

std::vector<VolumeEntry> list_volume_entries(View& view, std::string_view volume,
                                             std::string_view folder, Depth depth,
                                             std::string_view after, std::size_t max) {
  if (depth == Depth::kChildren)
    return entries_of(view.db().query(
        "SELECT path, kind, mode, mtime, size, content FROM volume_entries WHERE volume = ? AND "
        "parent = ? AND path > ? AND kind != 0 ORDER BY path LIMIT ?",
        volume, folder, after, max));
  if (folder.empty())
    return entries_of(view.db().query(
        "SELECT path, kind, mode, mtime, size, content FROM volume_entries WHERE volume = ? AND "
        "path > ? AND kind != 0 ORDER BY path LIMIT ?",
        volume, after, max));
  return entries_of(view.db().query(
      "SELECT path, kind, mode, mtime, size, content FROM volume_entries WHERE volume = ? AND path "
      "> ? AND path > ? AND path < ? AND kind != 0 ORDER BY path LIMIT ?",
      volume, after, first_below(folder), first_after(folder), max));
}

bool has_more_children(View& view, std::string_view volume, std::string_view folder,
                       std::int64_t than) {
  Rows rows = view.db().query(
      "SELECT count(*) > ?1 FROM (SELECT 1 FROM volume_entries WHERE volume = ?2 AND parent = ?3 "
      "AND kind != 0 LIMIT ?1 + 1)",
      than, volume, folder);
  return rows.next() && rows.number(0) != 0;
}

std::vector<VolumeEntry> list_volume_changes(View& view, std::string_view volume,
                                             std::int64_t after) {
  return entries_of(view.db().query(
      "SELECT path, kind, mode, mtime, size, content FROM volume_entries WHERE volume = ? AND "
      "version > ? ORDER BY path",
      volume, after));
}

void put_volume_entry(Tx& tx, const Volume& volume, const VolumeEntry& e) {
  tx.db().run(
      "INSERT INTO volume_entries (volume, path, parent, kind, mode, mtime, size, content, "
      "version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (volume, path) DO UPDATE SET kind = "
      "excluded.kind, mode = excluded.mode, mtime = excluded.mtime, size = excluded.size, content "
      "= excluded.content, version = excluded.version",
      volume.id, e.path, parent_path(e.path), static_cast<int>(e.kind), e.mode, e.mtime_ns, e.size,
      Blob{e.content}, volume.version);
}

#define USE_CONTENTS_OF                                                                \
  "UPDATE volume_contents SET used_at = ?1 WHERE used_at < ?1 AND workspace = "        \
  "(SELECT workspace FROM objects WHERE id = ?2) AND content IN (SELECT content FROM " \
  "volume_entries WHERE volume = ?2 AND kind = 1 AND "

void use_volume_content(Tx& tx, const Volume& volume, std::string_view path, Time now) {
  tx.db().run(USE_CONTENTS_OF "path = ?3)", now, volume.id, path);
}

void use_contents_below(Tx& tx, const Volume& volume, std::string_view path, Time now) {
  tx.db().run(USE_CONTENTS_OF "path > ?3 AND path < ?4)", now, volume.id, first_below(path),
              first_after(path));
}

std::int64_t remove_volume_entries(Tx& tx, const Volume& volume, std::string_view path) {
  const std::int64_t below = remove_volume_children(tx, volume, path);
  return below + tx.db().run(
                     "UPDATE volume_entries SET kind = 0, content = x'', version = ? WHERE volume "
                     "= ? AND path = ? AND kind != 0",
                     volume.version, volume.id, path);
}

std::int64_t remove_volume_children(Tx& tx, const Volume& volume, std::string_view path) {
  return tx.db().run(
      "UPDATE volume_entries SET kind = 0, content = x'', version = ? WHERE volume = ? AND path > "
      "? AND path < ? AND kind != 0",
      volume.version, volume.id, first_below(path), first_after(path));
}

void forget_removals(Tx& tx, std::string_view volume, std::int64_t up_to) {
  tx.db().run("DELETE FROM volume_entries WHERE volume = ? AND kind = 0 AND version <= ?", volume,
              up_to);
}

void forget_all_removals(Tx& tx) { tx.db().run("DELETE FROM volume_entries WHERE kind = 0"); }

}  // namespace ionian::store
