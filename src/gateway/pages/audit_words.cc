#include "gateway/pages/audit_words.h"

#include "store/tokens.h"

namespace ionian::gateway::pages {
namespace {

struct Sentence {
  std::string_view action, words;  // the words before the target
};

constexpr Sentence kSentences[] = {
    {"owner.create", "Made the owner account"},
    {"sign_in", "Signed in"},
    {"sign_in.refused", "Sign-in refused"},
    {"token.create", "Made token"},
    {"token.rotate", "Rotated token"},
    {"token.revoke", "Revoked token"},
    {"token.disable", "Disabled token"},
    {"token.enable", "Enabled token"},
    {"token.rename", "Renamed token"},
    {"member.role", "Changed a role:"},
    {"member.remove", "Removed"},
    {"member.rename", "Renamed"},
    {"invitation.create", "Invited"},
    {"invitation.withdraw", "Withdrew the invitation of"},
    {"invitation.accept", "Joined:"},
    {"password.link", "Made a password link for"},
    {"password.change", "Changed the password of"},
    {"service_user.create", "Made service user"},
    {"service_user.delete", "Deleted service user"},
    {"environment.create", "Made environment"},
    {"environment.update", "Changed environment"},
    {"environment.delete", "Deleted environment"},
    {"environment.restrict", "Restricted environment"},
    {"environment.open", "Opened environment"},
    {"environment.role", "Gave a role in environment"},
    {"workspace.default_environment", "Made default environment"},
    {"workspace.image_builder_version", "Set the image builder version"},
    {"proxy_token.create", "Made proxy token"},
    {"proxy_token.rename", "Renamed proxy token"},
    {"proxy_token.delete", "Deleted proxy token"},
    {"proxy_token.add", "Opened an environment to proxy token"},
    {"proxy_token.remove", "Closed an environment to proxy token"},
    {"access.refused", "Not allowed to"},
};

std::string_view words_of(const std::string& action) {
  for (const Sentence& s : kSentences)
    if (s.action == action) return s.words;
  return action;
}

bool is_id(const std::string& text) {
  return text.size() > 20 &&
         (text.starts_with("ak-") || text.starts_with("wk-") || text.starts_with("us-"));
}

// The detail with a name in the place of the id that it begins with.
std::string detail_of(store::View& view, const store::AuditEntry& e) {
  if (!e.detail.starts_with("us-") && !e.detail.starts_with("sv-")) return tamed(e.detail, 200);
  const std::size_t end = std::min(e.detail.find(' '), e.detail.size());
  return tamed(actor_name(view, e.workspace, e.detail.substr(0, end)) + e.detail.substr(end), 200);
}

Html what_of(store::View& view, const store::AuditEntry& e) {
  const std::string detail = detail_of(view, e);
  const std::string_view words = words_of(e.action);
  const Html start = e.action.ends_with(".refused") ? html("<span class=\"s bad\">{}</span>", words)
                                                    : plain(words);
  if (e.action == "sign_in") return start;
  if (e.action == "access.refused") return html("{} {}: {}", start, e.target, detail);
  // The detail names the person.
  if (e.target.starts_with("us-")) return html("{} {}", start, detail);
  Html target;
  const auto token =
      e.target.starts_with("ak-") ? store::find_token(view, TokenId(e.target)) : std::nullopt;
  if (token) target = html(" <b>{}</b>", tamed(token->name, 64));
  if (is_id(e.target))
    target += html(" <code title=\"{}\">{}…{}</code>", e.target, e.target.substr(0, 7),
                   e.target.substr(e.target.size() - 3));
  else
    target += html(" <b>{}</b>", tamed(e.target, 100));
  const bool repeats = detail.empty() || (token && detail == tamed(token->name, 200));
  return html("{}{}{}", start, target, repeats ? Html() : html(", {}", detail));
}

}  // namespace

std::string actor_name(store::View& view, const WorkspaceId& workspace,
                       const std::string& principal) {
  if (principal == "owner") return "server";
  if (const auto user = store::find_user(view, UserId(principal))) return user->name;
  if (const auto service = store::find_service_user(view, workspace, principal))
    return service->name;
  return principal.empty() ? "nobody" : principal;
}

std::vector<AuditLine> audit_lines(store::View& view, const WorkspaceId& workspace,
                                   const std::vector<store::AuditEntry>& entries) {
  std::vector<AuditLine> lines;
  for (const store::AuditEntry& e : entries) {
    AuditLine line{.at = e.at,
                   .who = actor_name(view, workspace, e.actor),
                   .by = "browser",
                   .what = what_of(view, e),
                   .from = e.source};
    if (e.actor == "owner") line.by = "ionian admin";
    if (!e.token.empty()) {
      const auto token = store::find_token(view, TokenId(e.token));
      line.by = token ? cat("token ", tamed(token->name, 64)) : "token";
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

Html audit_rows(const Visit& visit, const std::vector<AuditLine>& lines) {
  return each(lines, [&](const AuditLine& line) {
    return html(
        R"(<tr><td data-l="When">{}</td>
<td data-l="Who"><span class="nw">{}</span><small>{}</small></td>
<td>{}</td><td data-l="From"><code>{}</code></td></tr>
)",
        time_tag(visit.now, line.at), line.who, line.by, line.what, line.from);
  });
}

Html audit_panel(std::string_view title, const Visit& visit, const std::vector<AuditLine>& lines) {
  if (lines.empty()) return {};
  return html(R"(<section class="panel" aria-label="{}">
<div class="head"><h2>{}</h2></div>
<table>
<thead><tr><th>When</th><th>Who</th><th>What</th><th>From</th></tr></thead>
<tbody>
{}</tbody>
</table>
</section>
)",
              title, title, audit_rows(visit, lines));
}

}  // namespace ionian::gateway::pages
