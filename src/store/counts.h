#pragma once
// What a change would touch, counted for those who are asked about it; and pages of the audit log.
#include <vector>

#include "store/people.h"
#include "store/workspaces.h"

namespace ionian::store {

struct EnvironmentContents {
  std::int64_t apps = 0, secrets = 0;
};
EnvironmentContents count_contents(View& view, const EnvironmentId& environment);

// When somebody's tokens were last used here; nullopt = never.
std::optional<Time> last_token_use(View& view, const WorkspaceId& workspace,
                                   std::string_view principal);

// Entries of the audit log that fit all that is set.
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
