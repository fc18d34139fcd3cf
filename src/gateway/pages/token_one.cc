#include "gateway/pages/audit_words.h"
#include "gateway/pages/pages.h"
#include "gateway/pages/secret_page.h"
#include "gateway/pages/token_rows.h"
#include "gateway/pages/words.h"
#include "store/audit.h"

namespace ionian::gateway::pages {
namespace {

using services::TokenRules;

struct Seen {
  TokenRow row;
  std::string revoked_by;
  std::vector<AuditLine> history;
};

// A token that who looks may see: their own, or as a manager any of the workspace. Also one that
// has ended.
std::optional<Seen> look(const Visit& visit, const TokenId& id) {
  const Person& me = *visit.person;
  return visit.site.c.store.read([&](store::View& view) -> std::optional<Seen> {
    const auto token = store::find_token(view, id);
    const bool mine = token && (token->principal == me.user.id.str() || me.manages());
    if (!mine || token->workspace != me.workspace) return std::nullopt;
    return Seen{
        row_of(view, *token), actor_name(view, me.workspace, token->revoked_by),
        audit_lines(view, me.workspace, store::list_audit_of(view, me.workspace, id.str(), 20))};
  });
}

Html facts(const Visit& visit, const Seen& seen) {
  const store::Token& token = seen.row.token;
  const Html ended = token.revoked_at
                         ? html("<dt>Revoked</dt><dd>{} by {}</dd>\n",
                                time_tag(visit.now, *token.revoked_at), seen.revoked_by)
                         : Html();
  return html(R"(<section class="panel" aria-label="The token">
<dl class="facts pad">
<dt>ID</dt><dd><code>{}</code></dd>
<dt>Acts as</dt><dd>{}, {}</dd>
<dt>Environments</dt><dd>{}</dd>
<dt>Made</dt><dd>{}</dd>
<dt>Last used</dt><dd>{}</dd>
<dt>Expires</dt><dd>{}</dd>
{}</dl>
</section>
)",
              token.id, seen.row.owner, seen.row.acts_as, seen.row.environments,
              time_tag(visit.now, token.created_at),
              token.last_used_at
                  ? html("{} from <code>{}</code>", time_tag(visit.now, *token.last_used_at),
                         token.last_address)
                  : html("never"),
              expiry(token, visit.now), ended);
}

Html changes(Visit& visit, const store::Token& token, const Errors& errors) {
  const std::string at = visit.place(cat("/tokens/", token.id)), rename = at + "/rename";
  const std::string toggle = at + (token.disabled_at ? "/enable" : "/disable");
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(R"(autocomplete="off" required maxlength="64" spellcheck="false")"),
             .value = visit.typed("name", token.name)},
            errors);
  const std::string_view consequence =
      token.disabled_at
          ? "It is refused now, and works again once it is enabled."
          : "A disabled token is refused from the next call on, and can be enabled again.";
  return html(
      R"(<section class="panel" aria-labelledby="change">
<div class="head"><h2 id="change">Change it</h2></div>
<div class="pad">
<form class="row" method="post" action="{}">{}
{}<button>Rename</button>
</form>
<form class="row" method="post" action="{}">{}
<small>{}</small>
<button>{}</button>
</form>
<div class="act"><a class="button" href="{}/rotate">Rotate the secret</a> {}</div>
</div>
</section>
)",
      rename, visit.form_key(rename), name, toggle, visit.form_key(toggle), consequence,
      token.disabled_at ? "Enable" : "Disable", at,
      ask_button(visit, revoke_question(visit, token), "Revoke", cat("Revoke ", token.name)));
}

void show(Visit& visit, int status, const TokenId& id, const Errors& errors) {
  const auto seen = look(visit, id);
  if (!seen) return visit.not_found();
  const store::Token& token = seen->row.token;
  visit.page(status, cat(tamed(token.name, 64), " · Tokens"),
             html("<header>\n<div><p><a href=\"{}\">Tokens</a></p><h1>{}{}</h1></div>\n</header>\n",
                  visit.place("/tokens"), tamed(token.name, 64),
                  token.revoked_at ? tag("bad", "revoked") : token_tags(token, visit.now)) +
                 error_summary(errors) + facts(visit, *seen) +
                 (token.revoked_at ? Html() : changes(visit, token, errors)) +
                 audit_panel("History", visit, seen->history) +
                 cli_line(html("<code>modal token info</code>")));
}

void ask_rotate(Visit& visit, const store::Token& token) {
  const std::string at = visit.place(cat("/tokens/", token.id)), action = at + "/rotate";
  const bool recent = token.last_used_at && visit.now - *token.last_used_at < 1h;
  const Html used = recent ? html("The secret was used {} from <code>{}</code>.",
                                  time_tag(visit.now, *token.last_used_at), token.last_address)
                           : html("Nobody has used the secret in the last hour.");
  const Html overlap = choices(
      "overlap", "The old secret",
      {{"0", "ends at once", html("Programs that have it fail until they get the new one.")},
       {"1", "holds for 1 hour more"},
       {"24", "holds for 24 hours more", html("Time to pass the new one on without a gap.")}},
      "0");
  visit.page(200, "Rotate a token",
             page_head_below(at, token.name, cat("Rotate ", tamed(token.name, 64)), used) +
                 html(R"(<form method="post" action="{}">{}{}
{}<div class="act"><button class="primary">Make a new secret</button><a class="button"
href="{}">Keep the old one</a></div>
</form>
)",
                      action, visit.form_key(action), visit.once_field(), overlap, at));
}

void rotate(Visit& visit, const store::Token& token) {
  const std::string at = visit.place(cat("/tokens/", token.id));
  if (!first_time(visit, at, token.name)) return;
  const std::string hours = visit.typed("overlap");
  const Duration overlap = hours == "1"    ? Duration(1h)
                           : hours == "24" ? Duration(24h)
                                           : Duration(0);
  services::TokenPair pair;
  const Result<void> made = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(pair, token_rules(visit).rotate(tx, visit.actor(), token.id, overlap));
    return {};
  });
  if (!made) return visit.refused(made.error(), "rotate this token");
  made_once(visit, token.name);
  const Html what = overlap > 0h ? html("A new secret under the same id. The old one ends {}.",
                                        time_tag(visit.now, visit.now + overlap))
                                 : html("A new secret under the same id. The old one has ended.");
  show_secret(visit, {.name = token.name,
                      .what = what,
                      .up = at,
                      .up_name = token.name,
                      .id = pair.id.str(),
                      .secret = pair.secret});
}

void change(Visit& visit, const store::Token& token, const std::string& action) {
  const std::string at = visit.place(cat("/tokens/", token.id)), name = tamed(token.name, 64);
  if (action == "/rotate") return rotate(visit, token);
  const services::Actor actor = visit.actor();
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    if (action == "/rename") return TokenRules::rename(tx, actor, token.id, visit.typed("name"));
    if (action == "/disable" || action == "/enable")
      return TokenRules::set_disabled(tx, actor, token.id, action == "/disable");
    TRY(TokenRules::revoke(tx, actor, token.id));
    return {};
  });
  const bool said = !done && (done.error().code == Code::kInvalidArgument ||
                              done.error().code == Code::kAlreadyExists);
  if (said) return show(visit, 400, token.id, {{"name", done.error().message}});
  if (!done) return visit.refused(done.error(), "change this token");
  if (action == "/rename")
    return visit.done(flash("ok", html("{} is named <b>{}</b> now.", name, visit.typed("name"))),
                      at);
  if (action == "/enable") return visit.done(flash("ok", html("<b>{}</b> is enabled.", name)), at);
  if (action == "/disable")
    return visit.done(flash("ok", html("<b>{}</b> is disabled.", name)), at);
  visit.done(flash("ok", html(words::kRevoked, name)), visit.place("/tokens"));
}

}  // namespace

void one_token(Visit& visit, const std::string& id, const std::string& action) {
  static constexpr std::string_view kActions[] = {"/rename", "/disable", "/enable", "/rotate",
                                                  "/revoke"};
  const TokenId token_id(id);
  if (action.empty()) return visit.posted() ? visit.not_found() : show(visit, 200, token_id, {});
  const auto token = visit.site.c.store.read(
      [&](store::View& view) { return TokenRules::managed(view, visit.actor(), token_id); });
  if (!token || std::ranges::find(kActions, action) == std::end(kActions)) return visit.not_found();
  const std::string at = visit.place(cat("/tokens/", id));
  if (visit.posted()) {
    if (visit.accept_form()) change(visit, *token, action);
    return;
  }
  if (action == "/revoke") return ask_page(visit, revoke_question(visit, *token), at);
  if (action == "/rotate") return ask_rotate(visit, *token);
  visit.redirect(at);
}

}  // namespace ionian::gateway::pages
