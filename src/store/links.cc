#include "store/links.h"

// SQL is a literal throughout, so what all look-ups of links have in common is one too.
#define SELECT_LINKS                                                           \
  "SELECT id, key_hash, kind, workspace, email, role, created_by, created_at," \
  " expires_at, used_at, withdrawn_at FROM links "

namespace ionian::store {
namespace {

Link read_link(const Rows& r) {
  Link link{.id = LinkId(r.text(0)),
            .key_hash = r.text(1),
            .kind = r.text(2),
            .workspace = WorkspaceId(r.text(3)),
            .email = r.text(4),
            .role = r.text(5),
            .created_by = r.text(6),
            .created_at = r.time(7),
            .expires_at = r.time(8)};
  if (!r.null(9)) link.used_at = r.time(9);
  if (!r.null(10)) link.withdrawn_at = r.time(10);
  return link;
}

std::optional<Link> first_link(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return read_link(rows);
}

}  // namespace

void insert_link(Tx& tx, const Link& l) {
  tx.db().run(
      "INSERT INTO links (id, key_hash, kind, workspace, email, role, created_by, created_at,"
      " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      l.id, Blob{l.key_hash}, l.kind, l.workspace, l.email, l.role, l.created_by, l.created_at,
      l.expires_at);
}

std::optional<Link> find_link_by_key(View& view, std::string_view key_hash) {
  return first_link(view.db().query(SELECT_LINKS "WHERE key_hash = ?", Blob{key_hash}));
}

std::optional<Link> find_link(View& view, const WorkspaceId& workspace, const LinkId& id) {
  return first_link(view.db().query(SELECT_LINKS "WHERE workspace = ? AND id = ?", workspace, id));
}

std::vector<Link> list_open_invitations(View& view, const WorkspaceId& workspace, Time now) {
  std::vector<Link> all;
  Rows rows = view.db().query(SELECT_LINKS
                              "WHERE workspace = ? AND kind = 'invitation' AND used_at IS NULL"
                              " AND withdrawn_at IS NULL AND expires_at > ?"
                              " ORDER BY created_at DESC",
                              workspace, now);
  while (rows.next()) all.push_back(read_link(rows));
  return all;
}

void use_link(Tx& tx, const LinkId& id, Time now) {
  tx.db().run("UPDATE links SET used_at = ? WHERE id = ?", now, id);
}

void withdraw_link(Tx& tx, const LinkId& id, Time now) {
  tx.db().run("UPDATE links SET withdrawn_at = ? WHERE id = ? AND used_at IS NULL", now, id);
}

void withdraw_links_for(Tx& tx, const WorkspaceId& workspace, std::string_view kind,
                        std::string_view email, Time now) {
  tx.db().run(
      "UPDATE links SET withdrawn_at = ? WHERE workspace = ? AND kind = ? AND email = ?"
      " AND used_at IS NULL AND withdrawn_at IS NULL",
      now, workspace, kind, email);
}

void withdraw_password_links(Tx& tx, std::string_view email, Time now) {
  tx.db().run(
      "UPDATE links SET withdrawn_at = ? WHERE kind = 'password' AND email = ?"
      " AND used_at IS NULL AND withdrawn_at IS NULL",
      now, email);
}

}  // namespace ionian::store
