#pragma once
// The audit log as programs read it: a stretch of time, newest first, by cursors.
#include "store/people.h"

namespace ionian::store {

// Entries that fit all that is set.
struct AuditRange {
  WorkspaceId workspace;  // empty = all, for the owner of the machine
  std::string actor;      // a principal; "" = everybody
  std::string text;  // in the actor, the address, the action, the target or the detail; "" = any
  Time oldest, newest;
  std::int64_t below = 0;     // numbers under this one; 0 = from the newest on
  std::int64_t at_least = 0;  // down to this number
};

std::vector<AuditEntry> list_audit_range(View& view, const AuditRange& range, std::size_t most);
std::int64_t count_audit_range(View& view, const AuditRange& range);

}  // namespace ionian::store
