#include "gateway/pages/pages.h"
#include "store/workspaces.h"

namespace ionian::gateway::pages {
namespace {

using services::Flow;

void ended(Visit& visit) {
  visit.page(410, "This request has ended", "<h1>This request has ended.</h1><p>Requests live 10 minutes, for one answer and 5 tries. Start again: <code>modal setup</code>.</p>");
}

struct Identity {
  store::User user;
  store::Workspace workspace;
  std::string role;
};

std::optional<Identity> identity_of(const Visit& visit) {
  return visit.site.c.store.read([&](store::View& view) -> std::optional<Identity> {
    const auto user = store::find_user(view, visit.session->user);
    const auto workspace = store::find_workspace(view, visit.session->workspace);
    if (!user || !workspace) return std::nullopt;
    return Identity{*user, *workspace, store::member_role(view, workspace->id, user->id)};
  });
}

std::string host_name(const Flow& flow) { return flow.host.empty() ? "A computer" : escape_stranger(flow.host, 64); }

void show(Visit& visit, int status, const Flow& flow, const Identity& me, std::string_view error) {
  const bool same_address = flow.address == visit.address;
  const std::string action = cat("/token-flow/", flow.id);
  const std::string key = visit.form_key(action);
  const Duration age = visit.site.c.clock.now() - flow.created;
  const std::string warning = same_address ? "" : cat("<p class=\"flash warn\" role=\"alert\">This request comes from ", escape(flow.address), ", you are at ", escape(visit.address),
      ". That is normal for a remote computer of yours, and for nobody else’s.</p>\n");
  const std::string life = flow.expires_in_seconds ? cat("for ", words_for(1s * flow.expires_in_seconds)) : "without an end";
  visit.page(status, "Approve a token", cat(
      "<div>\n<h1>Give ", host_name(flow), " a token for ", escape(me.workspace.name), "?</h1>\n<p><small>A command on that computer asks to act as you. Approve only what you started "
      "yourself.</small></p>\n</div>\n<section class=\"panel\" aria-label=\"What asks for access\">\n<dl class=\"facts pad\">\n<dt>Computer</dt><dd><b>", host_name(flow),
      "</b> <small>as it calls itself</small></dd>\n<dt>Address</dt><dd>", escape(flow.address), same_address ? " <span class=\"tag ok\">same as this browser</span>" : " <span class=\"tag warn\">not this browser’s address</span>",
      "</dd>\n<dt>Client</dt><dd>", escape_stranger(flow.client_version, 32), " <small>", escape_stranger(flow.platform, 64), "</small></dd>\n<dt>Asked</dt><dd>", age < 60s ? std::string("just now") : cat(words_for(age), " ago"),
      "<br><small>ends in ", words_for(services::TokenFlows::kLife - age), "</small></dd>\n<dt>It will be</dt><dd>", escape(me.role), " in all of ", escape(me.workspace.name), ", ", life,
      "</dd>\n</dl>\n</section>\n", warning, "<form method=\"post\" action=\"", action, "\">\n<input type=\"hidden\" name=\"csrf\" value=\"", key,
      "\">\n<label>Code from the terminal\n<input class=\"code\" name=\"code\" autocomplete=\"one-time-code\" required autofocus maxlength=\"9\" placeholder=\"XXXX-XXXX\" "
      "spellcheck=\"false\" autocapitalize=\"characters\">\n", error.empty() ? "" : cat("<span class=\"err\" role=\"alert\">", error, "</span>\n"),
      "<small>The command prints it under the link. It is never sent to you by anybody.</small>\n</label>\n<div class=\"act\">\n<button class=\"primary\" name=\"do\" value=\"approve\">Approve</button>\n"
      "<button name=\"do\" value=\"refuse\" formnovalidate>Refuse</button>\n</div>\n</form>\n<p><small>Signed in as ", escape(me.user.email),
      ". Did somebody send you this link? Refuse: no colleague needs you to open one.</small></p>"));
}

void tell_waiting_command(const Visit& visit, const std::string& id) {
  rpc::Loop& loop = visit.site.flow_loop;
  loop.post([&loop, id] { loop.notify(services::TokenFlows::key(id)); });
}

void approve(Visit& visit, const Flow& flow, const Identity& me) {
  services::Context& c = visit.site.c;
  auto [pair, token] = c.identity.make_token(c.random, me.workspace.id, me.user.id.str(), flow.host.empty() ? "modal setup" : flow.host);
  if (flow.expires_in_seconds) token.expires_at = c.clock.now() + 1s * flow.expires_in_seconds;
  const Result<void> made = c.store.write_now([&](store::Tx& tx) -> Result<void> {
    store::insert_token(tx, token);
    store::append_audit(tx, {.at = c.clock.now(), .workspace = me.workspace.id, .actor = me.user.id.str(), .source = visit.address, .action = "token.create",
                             .target = token.id.str(), .detail = cat("by request of ", flow.host, " at ", flow.address)});
    return {};
  });
  if (!made || !visit.site.flows.approve(c.clock.now(), flow.id, pair, me.workspace.name)) return ended(visit);
  tell_waiting_command(visit, flow.id);
  visit.page(200, "Approved", cat(
      "<div>\n<h1>Approved. Go back to your terminal.</h1>\n<p><small>The command has its token already; this page can be closed.</small></p>\n</div>\n<section class=\"panel\">\n<dl class=\"facts pad\">\n"
      "<dt>Token</dt><dd><b>", host_name(flow), "</b><br><small><code>", pair.id.str(), "</code></small></dd>\n<dt>Acts as</dt><dd>", escape(me.user.name), ", ", escape(me.role), "</dd>\n<dt>Kept by</dt><dd>the command, in "
      "<code>~/.modal.toml</code> as profile <b>", escape(me.workspace.name), "</b></dd>\n</dl>\n</section>\n<div>\n<h2>Next, in that terminal</h2>\n<pre tabindex=\"0\"><code>modal token info\nmodal run hello.py</code></pre>\n</div>\n"
      "<div class=\"act\"><a class=\"button\" href=\"/w/", escape(me.workspace.name), "/tokens\">Open ", escape(me.workspace.name), "</a></div>"));
}

}  // namespace

void token_flow(Visit& visit, const std::string& id) {
  services::Context& c = visit.site.c;
  const auto flow = visit.site.flows.find(c.clock.now(), id);
  if (!flow || flow->state != Flow::kOpen) return ended(visit);
  if (!visit.signed_in()) return visit.ask_to_sign_in();
  const auto me = identity_of(visit);
  if (!me) return visit.not_found();
  if (visit.method == "GET") return show(visit, 200, *flow, *me, "");
  if (!visit.accept_form()) return;
  if (visit.form["do"] == "refuse") {
    visit.site.flows.refuse(c.clock.now(), id);
    tell_waiting_command(visit, id);
    return visit.page(200, "Refused", cat("<h1>Refused.</h1><p>The command on ", host_name(*flow), " was told no; nothing was made. If you did not start it, somebody tried your link: tell an owner.</p>"));
  }
  if (visit.site.flows.try_code(c.clock.now(), id, visit.form["code"])) return approve(visit, *flow, *me);
  const auto now_flow = visit.site.flows.find(c.clock.now(), id);
  if (!now_flow || now_flow->state != Flow::kOpen) {
    tell_waiting_command(visit, id);
    return ended(visit);
  }
  const int left = services::TokenFlows::kCodesMax - now_flow->wrong_codes;
  show(visit, 400, *flow, *me, cat("That is not the code. ", left, left == 1 ? " try is left." : " tries are left."));
}

}  // namespace ionian::gateway::pages
