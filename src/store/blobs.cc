#include "store/blobs.h"

namespace ionian::store {

void insert_blob(Tx& tx, const BlobRecord& b, Time now) {
  tx.db().run(
      "INSERT INTO blobs (id, workspace, sha256, length, present, created_at) VALUES (?, ?, ?, ?, "
      "?, ?)",
      b.id, b.workspace, b.sha256, b.length, b.present, now);
}

std::optional<BlobRecord> find_blob(View& view, const WorkspaceId& workspace, const BlobId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, sha256, length, present FROM blobs WHERE workspace = ? AND id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return BlobRecord{.id = BlobId(rows.text(0)),
                    .workspace = WorkspaceId(rows.text(1)),
                    .sha256 = rows.text(2),
                    .length = static_cast<std::uint64_t>(rows.number(3)),
                    .present = rows.number(4) != 0};
}

void set_blob_present(Tx& tx, const BlobId& id) {
  tx.db().run("UPDATE blobs SET present = 1 WHERE id = ?", id);
}

bool any_blob_has(View& view, std::string_view sha256) {
  return view.db().query("SELECT 1 FROM blobs WHERE sha256 = ? LIMIT 1", sha256).next();
}

std::int64_t remove_blobs(Tx& tx, const WorkspaceId& workspace, Time before, std::int64_t max) {
  return tx.db().run(
      "DELETE FROM blobs WHERE rowid IN (SELECT rowid FROM blobs WHERE workspace = ? AND "
      "created_at < ? LIMIT ?)",
      workspace, before, max);
}

}  // namespace ionian::store
