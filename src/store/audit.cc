#include "store/audit.h"

#include "store/rows.h"

// SQL is a literal throughout, so what the queries of the audit log have in common is one too.
#define SELECT_AUDIT \
  "SELECT a.number, a.at, a.workspace, a.actor, a.token, a.source, a.action, a.target, a.detail"
#define AUDIT_THAT_FITS                                                                         \
  " FROM audit a LEFT JOIN users u ON u.id = a.actor"                                           \
  " LEFT JOIN service_users s ON s.id = a.actor"                                                \
  " WHERE a.workspace = ?1 AND a.at >= ?2 AND (?3 = '' OR a.actor = ?3)"                        \
  " AND (?4 = '' OR a.action LIKE ?4 OR a.action LIKE ?5)"                                      \
  " AND (?6 = '' OR instr(lower(coalesce(u.name, s.name, a.actor) || ' ' || a.action || ' ' ||" \
  "   a.target || ' ' || a.detail || ' ' || a.source || ' ' || a.token), lower(?6)) > 0) "
// Values are bound, and instr() takes no patterns, so a text means itself.
#define IN_RANGE                                                                              \
  " FROM audit a WHERE (?1 = '' OR workspace = ?1) AND (?2 = '' OR actor = ?2)"               \
  " AND (?3 = '' OR instr(actor || ' ' || source || ' ' || action || ' ' || target || ' ' ||" \
  " detail, ?3) > 0) AND at >= ?4 AND at <= ?5 AND (?6 = 0 OR number < ?6) AND number >= ?7"

namespace ionian::store {
namespace {

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

void append_audit(Tx& tx, const AuditEntry& e) {
  tx.db().run(
      "INSERT INTO audit (at, workspace, actor, token, source, action, target, detail)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      e.at, e.workspace, e.actor, e.token, e.source, e.action, e.target, e.detail);
}

std::vector<AuditEntry> list_audit_range(View& view, const AuditRange& range, std::size_t most) {
  return read_entries(view.db().query(SELECT_AUDIT IN_RANGE " ORDER BY number DESC LIMIT ?8",
                                      range.workspace, range.actor, range.text, range.oldest,
                                      range.newest, range.below, range.at_least, most));
}

std::int64_t count_audit_range(View& view, const AuditRange& range) {
  return one_number(view.db().query("SELECT count(*)" IN_RANGE, range.workspace, range.actor,
                                    range.text, range.oldest, range.newest, range.below,
                                    range.at_least));
}

std::vector<AuditEntry> list_audit_page(View& view, const WorkspaceId& workspace,
                                        const AuditFilter& f, std::int64_t before,
                                        std::size_t most) {
  return read_entries(view.db().query(
      SELECT_AUDIT AUDIT_THAT_FITS "AND (?7 = 0 OR a.number < ?7) ORDER BY a.number DESC LIMIT ?8",
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
  return read_entries(view.db().query(SELECT_AUDIT
                                      " FROM audit a WHERE a.workspace = ? AND a.target = ?"
                                      " ORDER BY a.number DESC LIMIT ?",
                                      workspace, target, most));
}

}  // namespace ionian::store
