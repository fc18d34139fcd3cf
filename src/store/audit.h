#pragma once
// The audit log: who changed what of identity or access, when, from where. Only ever appended to.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct AuditEntry {
  std::int64_t number = 0;
  Time at;
  WorkspaceId workspace;
  std::string actor, token, source, action, target, detail;
};
void append_audit(Tx& tx, const AuditEntry& entry);

// As programs read it: a stretch of time, by cursors.
struct AuditRange {
  WorkspaceId workspace;  // empty = all, for the owner of the machine
  std::string actor;      // a principal; "" = everybody
  std::string text;  // in the actor, the address, the action, the target or the detail; "" = any
  Time oldest, newest;
  std::int64_t below = 0;     // numbers under this one; 0 = from the newest on
  std::int64_t at_least = 0;  // down to this number
};

// Newest first.
std::vector<AuditEntry> list_audit_range(View& view, const AuditRange& range, std::size_t most);
std::int64_t count_audit_range(View& view, const AuditRange& range);

// As people read it: pages of what fits all that is set.
struct AuditFilter {
  std::string actor;              // a principal; "" = everybody
  std::string text;               // in the names, the target, the detail or the address
  std::string action, or_action;  // patterns of LIKE: "token.%"; "" = any
  Time since;
};
// Newest first, those before `before` (0 = from the newest on).
std::vector<AuditEntry> list_audit_page(View& view, const WorkspaceId& workspace,
                                        const AuditFilter& filter, std::int64_t before,
                                        std::size_t most);
// How many there are at or above a number; 0 counts all.
std::int64_t count_audit(View& view, const WorkspaceId& workspace, const AuditFilter& filter,
                         std::int64_t from);
// The number from which the page before (the newer one) begins; 0 = it is the first page.
std::int64_t newer_audit_page(View& view, const WorkspaceId& workspace, const AuditFilter& filter,
                              std::int64_t before, std::size_t most);
// About one object: entries whose target it is, newest first.
std::vector<AuditEntry> list_audit_of(View& view, const WorkspaceId& workspace,
                                      std::string_view target, std::size_t most);

}  // namespace ionian::store
