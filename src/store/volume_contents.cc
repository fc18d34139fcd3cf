// What is known of the bytes of volumes' files.
#include "store/volumes.h"

namespace ionian::store {
namespace {

constexpr std::size_t kHashBytes = 32;

std::optional<VolumeContent> first_of(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return VolumeContent{.id = rows.text(0),
                       .size = static_cast<std::uint64_t>(rows.number(1)),
                       .blocks = rows.text(2)};
}

std::vector<StoredContent> all_of(Rows rows) {
  std::vector<StoredContent> found;
  while (rows.next())
    found.push_back({.workspace = WorkspaceId(rows.text(0)),
                     .content = {.id = rows.text(1),
                                 .size = static_cast<std::uint64_t>(rows.number(2)),
                                 .blocks = rows.text(3)}});
  return found;
}

}  // namespace

void put_volume_content(Tx& tx, const WorkspaceId& workspace, const VolumeContent& content,
                        std::string_view sha256, Time now) {
  const std::int64_t known = tx.db().run(
      "UPDATE volume_contents SET used_at = ?, sha256 = CASE WHEN ? = '' THEN sha256 ELSE ? END "
      "WHERE workspace = ? AND content = ?",
      now, sha256, sha256, workspace, Blob{content.id});
  if (known > 0) return;
  tx.db().run(
      "INSERT INTO volume_contents (workspace, content, size, blocks, sha256, used_at) VALUES (?, "
      "?, ?, ?, ?, ?)",
      workspace, Blob{content.id}, content.size, Blob{content.blocks}, sha256, now);
  for (std::size_t i = 0; i < content.blocks.size() / kHashBytes; ++i)
    tx.db().run(
        "INSERT OR IGNORE INTO volume_blocks (workspace, block, content, number) VALUES (?, ?, ?, "
        "?)",
        workspace, Blob{std::string_view(content.blocks).substr(i * kHashBytes, kHashBytes)},
        Blob{content.id}, i);
}

std::optional<VolumeContent> find_volume_content(View& view, const WorkspaceId& workspace,
                                                 std::string_view id) {
  return first_of(view.db().query(
      "SELECT content, size, blocks FROM volume_contents WHERE workspace = ? AND content = ?",
      workspace, Blob{id}));
}

std::optional<VolumeContent> find_volume_content_of_file(View& view, const WorkspaceId& workspace,
                                                         std::string_view sha256) {
  return first_of(view.db().query(
      "SELECT content, size, blocks FROM volume_contents WHERE workspace = ? AND sha256 = ? AND "
      "sha256 != ''",
      workspace, sha256));
}

std::optional<BlockPlace> find_volume_block(View& view, const WorkspaceId& workspace,
                                            std::string_view block) {
  Rows rows = view.db().query(
      "SELECT content, number FROM volume_blocks WHERE workspace = ? AND block = ? LIMIT 1",
      workspace, Blob{block});
  if (!rows.next()) return std::nullopt;
  return BlockPlace{.content = rows.text(0), .number = static_cast<std::uint64_t>(rows.number(1))};
}

std::vector<StoredContent> list_unused_contents(View& view, Time used_before, std::size_t max) {
  return all_of(view.db().query(
      "SELECT c.workspace, c.content, c.size, c.blocks FROM volume_contents c WHERE c.used_at < ? "
      "AND NOT EXISTS (SELECT 1 FROM volume_entries e JOIN objects o ON o.id = e.volume WHERE "
      "e.content = c.content AND e.kind = 1 AND o.workspace = c.workspace) LIMIT ?",
      used_before, max));
}

void remove_volume_content(Tx& tx, const StoredContent& stored) {
  const std::string& blocks = stored.content.blocks;
  for (std::size_t i = 0; i < blocks.size() / kHashBytes; ++i)
    tx.db().run(
        "DELETE FROM volume_blocks WHERE workspace = ? AND block = ? AND content = ? AND number = "
        "?",
        stored.workspace, Blob{std::string_view(blocks).substr(i * kHashBytes, kHashBytes)},
        Blob{stored.content.id}, i);
  tx.db().run("DELETE FROM volume_contents WHERE workspace = ? AND content = ?", stored.workspace,
              Blob{stored.content.id});
}

std::vector<StoredContent> list_volume_contents(View& view, const StoredContent& after,
                                                std::size_t max) {
  return all_of(view.db().query(
      "SELECT workspace, content, size, blocks FROM volume_contents WHERE (workspace, content) > "
      "(?, ?) ORDER BY workspace, content LIMIT ?",
      after.workspace, Blob{after.content.id}, max));
}

std::string sha256_of_content(View& view, const WorkspaceId& workspace, std::string_view content) {
  Rows rows =
      view.db().query("SELECT sha256 FROM volume_contents WHERE workspace = ? AND content = ?",
                      workspace, Blob{content});
  return rows.next() ? rows.text(0) : "";
}

std::vector<std::string> volumes_of_content(View& view, const WorkspaceId& workspace,
                                            std::string_view content) {
  Rows rows = view.db().query(
      "SELECT DISTINCT e.volume FROM volume_entries e JOIN objects o ON o.id = e.volume WHERE "
      "e.content = ? AND e.kind = 1 AND o.workspace = ?",
      Blob{content}, workspace);
  std::vector<std::string> found;
  while (rows.next()) found.push_back(rows.text(0));
  return found;
}

std::vector<std::string> places_of_content(View& view, std::string_view content, std::size_t max) {
  Rows rows = view.db().query(
      "SELECT o.name, o.id, e.path FROM volume_entries e JOIN objects o ON o.id = e.volume WHERE "
      "e.content = ? AND e.kind = 1 LIMIT ?",
      Blob{content}, max);
  std::vector<std::string> found;
  while (rows.next())
    found.push_back(cat(rows.text(0).empty() ? rows.text(1) : rows.text(0), ":/", rows.text(2)));
  return found;
}

void note_sent_file(Tx& tx, const WorkspaceId& workspace, std::string_view sha256) {
  tx.db().run("INSERT OR IGNORE INTO sent_files (workspace, sha256) VALUES (?, ?)", workspace,
              sha256);
}

void forget_sent_file(Tx& tx, std::string_view sha256) {
  tx.db().run("DELETE FROM sent_files WHERE sha256 = ?", sha256);
}

bool was_sent(View& view, const WorkspaceId& workspace, std::string_view sha256) {
  return view.db()
      .query("SELECT 1 FROM sent_files WHERE workspace = ? AND sha256 = ?", workspace, sha256)
      .next();
}

}  // namespace ionian::store
