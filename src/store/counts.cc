#include "store/counts.h"

// SQL is a literal throughout, so what the queries of the audit log have in common is one too.
#define AUDIT_COLUMNS \
  "a.number, a.at, a.workspace, a.actor, a.token, a.source, a.action, a.target, a.detail"
#define AUDIT_THAT_FITS                                                  \
  " FROM audit a LEFT JOIN users u ON u.id = a.actor"                                          \
  " LEFT JOIN service_users s ON s.id = a.actor"                                               \
  " WHERE a.workspace = ?1 AND a.at >= ?2 AND (?3 = '' OR a.actor = ?3)"                       \
  " AND (?4 = '' OR a.action LIKE ?4 OR a.action LIKE ?5)"                                     \
  " AND (?6 = '' OR instr(lower(coalesce(u.name, s.name, a.actor) || ' ' || a.action || ' ' ||" \
  "   a.target || ' ' || a.detail || ' ' || a.source || ' ' || a.token), lower(?6)) > 0) "

namespace ionian::store {
namespace {

std::int64_t one_number(Rows rows) { return rows.next() ? rows.number(0) : 0; }

std::vector<AuditEntry> read_entries(Rows rows) {
  std::vector<AuditEntry> all;
  while (rows.next())
    all.push_back({.number = rows.number(0),
                   .at = rows.time(1),
                   .workspace = WorkspaceId(rows.text(2)),
                   .actor = rows.text(3),
                   .token = rows.text(4),
                   .source = rows.text(5),
                   .action = rows.text(6),
                   .target = rows.text(7),
                   .detail = rows.text(8)});
  return all;
}

}  // namespace

EnvironmentContents count_contents(View& view, const EnvironmentId& environment) {
  return {.apps = one_number(view.db().query(
              "SELECT count(*) FROM apps WHERE environment = ? AND name != ''", environment)),
          .secrets = one_number(view.db().query(
              "SELECT count(*) FROM secrets WHERE environment = ? AND name != ''", environment))};
}

std::optional<Time> last_token_use(View& view, const WorkspaceId& workspace,
                                   std::string_view principal) {
  Rows rows =
      view.db().query("SELECT max(last_used_at) FROM tokens WHERE workspace = ? AND principal = ?",
                      workspace, principal);
  if (!rows.next() || rows.null(0)) return std::nullopt;
  return rows.time(0);
}

std::vector<AuditEntry> list_audit_page(View& view, const WorkspaceId& workspace,
                                        const AuditFilter& f, std::int64_t before,
                                        std::size_t most) {
  return read_entries(
      view.db().query("SELECT " AUDIT_COLUMNS AUDIT_THAT_FITS
                      "AND (?7 = 0 OR a.number < ?7) ORDER BY a.number DESC LIMIT ?8",
                      workspace, f.since, f.actor, f.action, f.or_action, f.text, before, most));
}

std::int64_t count_audit(View& view, const WorkspaceId& workspace, const AuditFilter& f,
                         std::int64_t from) {
  return one_number(view.db().query("SELECT count(*)" AUDIT_THAT_FITS "AND a.number >= ?7",
                                    workspace, f.since, f.actor, f.action, f.or_action, f.text,
                                    from));
}

std::int64_t newer_audit_page(View& view, const WorkspaceId& workspace, const AuditFilter& f,
                              std::int64_t before, std::size_t most) {
  // The first entry above the page that lies `most` above `before`: from there on, or from the top.
  return one_number(view.db().query(
      "SELECT a.number" AUDIT_THAT_FITS "AND a.number >= ?7 ORDER BY a.number LIMIT 1 OFFSET ?8",
      workspace, f.since, f.actor, f.action, f.or_action, f.text, before, most));
}

std::vector<AuditEntry> list_audit_of(View& view, const WorkspaceId& workspace,
                                      std::string_view target, std::size_t most) {
  return read_entries(view.db().query("SELECT " AUDIT_COLUMNS
                                      " FROM audit a WHERE a.workspace = ? AND a.target = ?"
                                      " ORDER BY a.number DESC LIMIT ?",
                                      workspace, target, most));
}

}  // namespace ionian::store
