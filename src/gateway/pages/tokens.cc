#include "gateway/pages/pages.h"
#include "store/workspaces.h"

namespace ionian::gateway::pages {
namespace {

std::string ago(const Visit& visit, const std::optional<Time>& t) {
  if (!t) return "never";
  if (visit.site.c.clock.now() - *t < 60s) return "just now";
  return cat("<time title=\"", utc_text(*t), "\">", words_for(visit.site.c.clock.now() - *t), " ago</time>");
}

std::string row(Visit& visit, const std::string& base, const store::Token& token) {
  const std::string id = token.id.str(), action = cat(base, '/', id, "/revoke"), name = escape_stranger(token.name, 64), box = cat("rv-", id);
  const std::string expires = token.expires_at ? cat("<time title=\"", utc_text(*token.expires_at), "\">",
                                                     *token.expires_at > visit.site.c.clock.now() ? cat("in ", words_for(*token.expires_at - visit.site.c.clock.now())) : "ended", "</time>")
                                               : "never";
  return cat("<tr><th scope=\"row\">", name, token.disabled_at ? " <span class=\"tag warn\">disabled</span>" : "", "<small><code>", id, "</code></small></th><td data-l=\"Last used\">",
             ago(visit, token.last_used_at), "</td><td data-l=\"Expires\">", expires, "</td><td class=\"do\"><button type=\"button\" class=\"quiet danger\" popovertarget=\"", box,
             "\" aria-label=\"Revoke ", name, "\">Revoke</button><div id=\"", box, "\" class=\"ask\" popover role=\"dialog\" aria-label=\"Revoke ", name, "?\"><form method=\"post\" action=\"", action,
             "\"><input type=\"hidden\" name=\"csrf\" value=\"", visit.form_key(action), "\"><h2>Revoke ", name, "?</h2><p>Calls with <code>", id,
             "</code> are refused from the next one on, and its open streams end within 5 seconds. This cannot be undone.</p><div class=\"act\"><button type=\"button\" popovertarget=\"", box,
             "\" popovertargetaction=\"hide\" autofocus>Keep it</button><button class=\"primary danger\">Revoke token</button></div></form></div></td></tr>\n");
}

void list(Visit& visit, const std::string& workspace, const std::string& base, std::string_view flash) {
  const auto mine = visit.site.c.store.read([&](store::View& view) { return store::list_tokens(view, visit.session->workspace, visit.session->user.str()); });
  std::string rows;
  for (const store::Token& token : mine) rows += row(visit, base, token);
  const std::string table = rows.empty() ? "<div class=\"empty\"><p>No tokens yet. <code>modal setup</code> makes one for this computer.</p></div>"
                                         : cat("<table><thead><tr><th>Token</th><th>Last used</th><th>Expires</th><th><span class=\"vh\">Actions</span></th></tr></thead><tbody>", rows, "</tbody></table>");
  visit.page(200, cat("Tokens · ", workspace), cat(
      "<header><div><h1>Tokens</h1><p>A token lets a program act as you: never more than you may.</p></div></header>", flash, "<section class=\"panel\" aria-label=\"My tokens\">", table,
      "</section>\n<p class=\"cli\">In a terminal: <code>modal workspace member-tokens list</code>, <code>modal setup</code></p>\n<form method=\"post\" action=\"/sign-out\"><input type=\"hidden\" name=\"csrf\" value=\"",
      visit.form_key("/sign-out"), "\"><button>Sign out</button></form>"));
}

}  // namespace

void tokens(Visit& visit, const std::string& workspace, const std::string& rest) {
  services::Context& c = visit.site.c;
  const std::string base = cat("/w/", workspace, "/tokens");
  if (rest.empty() && visit.method == "GET") return list(visit, workspace, base, "");
  if (visit.method != "POST" || !rest.ends_with("/revoke") || !visit.accept_form()) return visit.not_found();
  const TokenId id(rest.substr(1, rest.size() - 8));
  std::string name;
  const Result<void> revoked = c.store.write_now([&](store::Tx& tx) -> Result<void> {
    const auto token = store::find_token(tx, id);
    if (!token || token->workspace != visit.session->workspace || token->principal != visit.session->user.str() || token->revoked_at)
      return fail(Code::kNotFound, "no such token");
    name = token->name;
    store::revoke_token(tx, id, c.clock.now(), token->principal);
    store::append_audit(tx, {.at = c.clock.now(), .workspace = token->workspace, .actor = token->principal, .source = visit.address, .action = "token.revoke", .target = id.str()});
    return {};
  });
  if (!revoked) return visit.not_found();
  c.forget_identities();
  list(visit, workspace, base, cat("<p class=\"flash ok\" role=\"status\">Revoked <b>", escape_stranger(name, 64), "</b>.</p>"));
}

}  // namespace ionian::gateway::pages
