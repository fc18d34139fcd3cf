#pragma once
// Entries of the audit log as people read them: names for ids, sentences for actions.
#include "gateway/pages/parts.h"
#include "store/audit.h"

namespace ionian::gateway::pages {

struct AuditLine {
  Time at;
  std::string who, by;  // "Eleni Pappas", "browser"
  Html what;
  std::string from;
};

// "Eleni Pappas" of "us-…"; a former one keeps the id.
std::string actor_name(store::View& view, const WorkspaceId& workspace,
                       const std::string& principal);
std::vector<AuditLine> audit_lines(store::View& view, const WorkspaceId& workspace,
                                   const std::vector<store::AuditEntry>& entries);
Html audit_rows(const Visit& visit, const std::vector<AuditLine>& lines);
Html audit_panel(std::string_view title, const Visit& visit, const std::vector<AuditLine>& lines);

}  // namespace ionian::gateway::pages
