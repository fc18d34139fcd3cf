#include "store/secrets.h"

namespace ionian::store {

void insert_secret(Tx& tx, const Secret& s, Time now) {
  tx.db().run(
      "INSERT INTO secrets (id, workspace, environment, name, app, sealed, created_at) VALUES (?, "
      "?, ?, ?, ?, ?, ?)",
      s.id, s.workspace, s.environment, s.name, s.app, Blob{s.sealed}, now);
}

std::optional<Secret> find_secret(View& view, const WorkspaceId& workspace, const SecretId& id) {
  Rows rows = view.db().query(
      "SELECT id, workspace, environment, name, app, sealed FROM secrets WHERE workspace = ? AND "
      "id = ?",
      workspace, id);
  if (!rows.next()) return std::nullopt;
  return Secret{.id = SecretId(rows.text(0)),
                .workspace = WorkspaceId(rows.text(1)),
                .environment = EnvironmentId(rows.text(2)),
                .name = rows.text(3),
                .app = AppId(rows.text(4)),
                .sealed = rows.text(5)};
}

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

}  // namespace ionian::store
