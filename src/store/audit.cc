#include "store/audit.h"

// Values are bound, and instr() takes no patterns, so a text means itself.
#define IN_RANGE                                                                              \
  " FROM audit WHERE (?1 = '' OR workspace = ?1) AND (?2 = '' OR actor = ?2)"                 \
  " AND (?3 = '' OR instr(actor || ' ' || source || ' ' || action || ' ' || target || ' ' ||" \
  " detail, ?3) > 0) AND at >= ?4 AND at <= ?5 AND (?6 = 0 OR number < ?6) AND number >= ?7"

namespace ionian::store {

std::vector<AuditEntry> list_audit_range(View& view, const AuditRange& range, std::size_t most) {
  std::vector<AuditEntry> all;
  Rows rows = view.db().query(
      "SELECT number, at, workspace, actor, token, source, action, target, detail" IN_RANGE
      " ORDER BY number DESC LIMIT ?8",
      range.workspace, range.actor, range.text, range.oldest, range.newest, range.below,
      range.at_least, most);
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

std::int64_t count_audit_range(View& view, const AuditRange& range) {
  Rows rows = view.db().query("SELECT count(*)" IN_RANGE, range.workspace, range.actor, range.text,
                              range.oldest, range.newest, range.below, range.at_least);
  return rows.next() ? rows.number(0) : 0;
}

}  // namespace ionian::store
