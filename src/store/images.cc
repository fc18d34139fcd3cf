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
          .environment = EnvironmentId(rows.text(2)),
          .name = rows.text(3),
          .checksum = rows.text(4),
          .files = rows.text(5),
          .tree = rows.text(6)};
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
      "INSERT INTO mounts (id, workspace, environment, name, checksum, files, tree, created_at, "
      "used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      m.id, m.workspace, m.environment, m.name, m.checksum, Blob{m.files}, m.tree, now, now);
}

std::optional<Mount> find_mount(View& view, const WorkspaceId& workspace, const MountId& id) {
  return first_mount(view.db().query(
      "SELECT id, workspace, environment, name, checksum, files, tree FROM mounts WHERE "
      "workspace IN (?, '') AND id = ?",
      workspace, id));
}

std::optional<Mount> find_mount_by_checksum(View& view, const WorkspaceId& workspace,
                                            std::string_view checksum) {
  return first_mount(view.db().query(
      "SELECT id, workspace, environment, name, checksum, files, tree FROM mounts WHERE "
      "workspace = ? AND checksum = ? AND name = ''",
      workspace, checksum));
}

std::optional<Mount> find_mount_by_name(View& view, const WorkspaceId& workspace,
                                        const EnvironmentId& environment, std::string_view name) {
  return first_mount(view.db().query(
      "SELECT id, workspace, environment, name, checksum, files, tree FROM mounts WHERE "
      "workspace = ? AND name = ? AND environment = ? ORDER BY created_at DESC LIMIT 1",
      workspace, name, environment));
}

void note_mount_use(Tx& tx, const MountId& id, Time now) {
  tx.db().run("UPDATE mounts SET used_at = ? WHERE id = ?", now, id);
}

void take_mount_name(Tx& tx, const MountId& id) {
  tx.db().run("UPDATE mounts SET name = '', environment = '' WHERE id = ?", id);
}

void each_mount(View& view, const std::function<void(const Mount&)>& seen) {
  Rows rows =
      view.db().query("SELECT id, workspace, environment, name, checksum, files, tree FROM mounts");
  while (rows.next()) seen(read_mount(rows));
}

std::vector<MountId> list_unused_mounts(View& view, Time used_before) {
  std::vector<MountId> found;
  Rows rows = view.db().query(
      "SELECT id FROM mounts WHERE workspace != '' AND name = '' AND used_at < ?", used_before);
  while (rows.next()) found.emplace_back(rows.text(0));
  return found;
}

bool any_mount_has(View& view, std::string_view checksum) {
  return view.db().query("SELECT 1 FROM mounts WHERE checksum = ? LIMIT 1", checksum).next();
}

void remove_unused_mount(Tx& tx, const MountId& id, Time used_before) {
  tx.db().run("DELETE FROM mounts WHERE id = ? AND name = '' AND used_at < ?", id, used_before);
}

void each_mounting(View& view, Time stopped_after,
                   const std::function<void(const Mounting&)>& seen) {
  constexpr const char* kDefinitions =
      "SELECT f.definition FROM functions f JOIN apps a ON a.id = f.app WHERE a.stopped_at IS NULL "
      "OR a.stopped_at >= ?1 UNION ALL SELECT d.definition FROM definitions d JOIN functions f ON "
      "f.id = d.function JOIN apps a ON a.id = f.app WHERE a.stopped_at IS NULL OR a.stopped_at >= "
      "?1";
  constexpr const char* kOptions =
      "SELECT v.options FROM function_variants v JOIN functions f ON f.id = v.base JOIN apps a ON "
      "a.id = f.app WHERE v.options != x'' AND (a.stopped_at IS NULL OR a.stopped_at >= ?)";
  for (Rows rows = view.db().query(kDefinitions, stopped_after); rows.next();)
    seen({.function = rows.text(0)});
  for (Rows rows = view.db().query(kOptions, stopped_after); rows.next();)
    seen({.options = rows.text(0)});
}

}  // namespace ionian::store
