#include "store/images.h"

namespace ionian::store {
namespace {

Image read_image(const Rows& rows) {
  return {.id = ImageId(rows.text(0)),
          .workspace = WorkspaceId(rows.text(1)),
          .recipe = rows.text(2),
          .state = static_cast<ImageState>(rows.number(3)),
          .error = rows.text(4),
          .built = rows.text(5)};
}

std::optional<Image> first_image(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_image(rows);
}

Mount read_mount(const Rows& rows) {
  return {.id = MountId(rows.text(0)),
          .workspace = WorkspaceId(rows.text(1)),
          .name = rows.text(2),
          .checksum = rows.text(3),
          .files = rows.text(4),
          .tree = rows.text(5)};
}

std::optional<Mount> first_mount(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_mount(rows);
}

}  // namespace

std::vector<Image> list_built_images(View& view) {
  std::vector<Image> all;
  Rows rows = view.db().query(
      "SELECT id, workspace, recipe, state, error, built FROM images WHERE state = 1");
  while (rows.next()) all.push_back(read_image(rows));
  return all;
}

void insert_image(Tx& tx, const Image& i, Time now) {
  tx.db().run(
      "INSERT INTO images (id, workspace, recipe, state, cached, created_at) VALUES (?, ?, ?, ?, "
      "0, ?)",
      i.id, i.workspace, i.recipe, static_cast<int>(i.state), now);
}

std::optional<Image> find_image(View& view, const WorkspaceId& workspace, const ImageId& id) {
  return first_image(
      view.db().query("SELECT id, workspace, recipe, state, error, built FROM images WHERE "
                      "workspace = ? AND id = ?",
                      workspace, id));
}

std::optional<Image> find_image_by_recipe(View& view, const WorkspaceId& workspace,
                                          std::string_view recipe) {
  return first_image(
      view.db().query("SELECT id, workspace, recipe, state, error, built FROM images"
                      " WHERE workspace = ? AND recipe = ? AND cached = 1 AND state = 1 ORDER BY "
                      "created_at DESC, rowid DESC LIMIT 1",
                      workspace, recipe));
}

void set_image_built(Tx& tx, const Image& i, bool cached) {
  if (cached)
    tx.db().run("UPDATE images SET cached = 0 WHERE workspace = ? AND recipe = ?", i.workspace,
                i.recipe);
  tx.db().run("UPDATE images SET state = 1, built = ?, cached = ? WHERE id = ?", i.built, cached,
              i.id);
}

void set_image_failed(Tx& tx, const ImageId& id, std::string_view error) {
  tx.db().run("UPDATE images SET state = 2, error = ?, cached = 0 WHERE id = ?", error, id);
}

void fail_unfinished_images(Tx& tx, std::string_view error) {
  tx.db().run("UPDATE images SET state = 2, error = ? WHERE state = 0", error);
}

void insert_mount(Tx& tx, const Mount& m, Time now) {
  tx.db().run(
      "INSERT INTO mounts (id, workspace, name, checksum, files, tree, created_at) VALUES (?, ?, "
      "?, ?, ?, ?, ?)",
      m.id, m.workspace, m.name, m.checksum, Blob{m.files}, m.tree, now);
}

std::optional<Mount> find_mount(View& view, const WorkspaceId& workspace, const MountId& id) {
  return first_mount(
      view.db().query("SELECT id, workspace, name, checksum, files, tree FROM mounts WHERE "
                      "workspace IN (?, '') AND id = ?",
                      workspace, id));
}

std::optional<Mount> find_mount_by_checksum(View& view, const WorkspaceId& workspace,
                                            std::string_view checksum) {
  return first_mount(
      view.db().query("SELECT id, workspace, name, checksum, files, tree FROM mounts WHERE "
                      "workspace = ? AND checksum = ? AND name = ''",
                      workspace, checksum));
}

std::optional<Mount> find_mount_by_name(View& view, const WorkspaceId& workspace,
                                        std::string_view name) {
  return first_mount(
      view.db().query("SELECT id, workspace, name, checksum, files, tree FROM mounts WHERE "
                      "workspace = ? AND name = ?"
                      " ORDER BY created_at DESC LIMIT 1",
                      workspace, name));
}

void each_mount(View& view, const std::function<void(const Mount&)>& seen) {
  Rows rows = view.db().query("SELECT id, workspace, name, checksum, files, tree FROM mounts");
  while (rows.next()) seen(read_mount(rows));
}

}  // namespace ionian::store
