// Pages behind one-time links: an invitation, a new password.
#include "gateway/pages/pages.h"
#include "gateway/pages/passwords.h"
#include "gateway/pages/words.h"
#include "services/link_rules.h"

namespace ionian::gateway::pages {
namespace {

constexpr std::string_view kInviteCookie = "ionian-invitation-key",
                           kPasswordCookie = "ionian-password-key";

// A link that still holds, and what its page tells of it.
struct OpenLink {
  store::Link link;
  std::string key, workspace, inviter;
};

services::LinkRules rules(const Visit& visit) { return {visit.site.c.random, visit.site.c.key}; }

std::string name_of(store::View& view, const std::string& principal) {
  const auto user = store::find_user(view, UserId(principal));
  return user ? user->name : "an owner of the server";
}

void ended(Visit& visit, const std::string& inviter) {
  visit.bare(410, words::kLinkEnded,
             html("<h1>{}</h1>\n<p>{}</p>\n<div class=\"act\"><a class=\"button\" "
                  "href=\"/sign-in\">Sign in</a></div>\n",
                  words::kLinkEnded, html(words::kLinkEndedWhy, inviter)));
}

// The link of the request, or its answer: a key in the address goes into a cookie, and the page
// comes back without it.
std::optional<OpenLink> open_link(Visit& visit, std::string_view kind, std::string_view cookie) {
  const bool fresh = !visit.posted() && visit.query.contains("key");
  const std::string key = fresh ? visit.query["key"] : visit.cookie_named(cookie);
  std::string inviter = "who sent it";
  const auto found = visit.site.c.store.read([&](store::View& view) -> std::optional<OpenLink> {
    const auto link = rules(visit).find(view, key);
    if (!link || link->kind != kind) return std::nullopt;
    inviter = name_of(view, link->created_by);
    const auto workspace = store::find_workspace(view, link->workspace);
    return OpenLink{*link, key, workspace ? workspace->name : "", inviter};
  });
  if (!found || !found->link.open(visit.now)) {
    ended(visit, inviter);
    return std::nullopt;
  }
  if (!fresh) return found;
  // Looking does not use it up: previews of links do that too.
  visit.keep_link_key(cookie, visit.path, key);
  visit.redirect(visit.path);
  return std::nullopt;
}

services::Actor somebody(const Visit& visit, const OpenLink& open) {
  return {.workspace = open.link.workspace,
          .principal = visit.person ? visit.person->user.id.str() : "",
          .token = {},
          .source = visit.address,
          .now = visit.now};
}

void show_join(Visit& visit, int status, const OpenLink& open, const Errors& errors) {
  const Html who = html(
      "<div>\n<h1>Join {}</h1>\n<p><small>{} invites {} as {}. The link works once, until "
      "{}.</small></p>\n</div>\n",
      open.workspace, open.inviter, open.link.email, open.link.role,
      date_text(open.link.expires_at));
  if (visit.person)
    return visit.bare(status, "Invitation",
                      html(R"({}{}<form method="post" action="/invite">
{}
<p>You are signed in as <b>{}</b>.</p>
<div class="act"><button class="primary">Join {}</button><a class="button" href="/">Not
now</a></div>
</form>
)",
                           who, error_summary(errors), visit.form_key("/invite"),
                           visit.person->user.email, open.workspace));
  const Html name =
      field({.name = "name",
             .label = "Your name",
             .input = html(R"(autocomplete="name" required maxlength="64" autofocus)"),
             .hint = html("Shown to others of the workspace."),
             .value = visit.typed("name")},
            errors);
  const Html email =
      field({.name = "email",
             .label = "Email",
             .input = html(R"(type="email" autocomplete="username" required spellcheck="false")"),
             .hint = html("Your name for signing in. No mail is sent."),
             .value = visit.typed("email", open.link.email)},
            errors);
  visit.bare(
      status, "Invitation",
      html(R"({}{}<form method="post" action="/invite">
{}
{}{}{}<button class="primary">Make account and join {}</button>
</form>
<p><small>You have an account here already? <a href="/sign-in?next={}">Sign in</a> and come
back.</small></p>
)",
           who, error_summary(errors), visit.form_key("/invite"), name, email,
           new_password_field(errors, false), open.workspace, signed_next(visit, "/invite")));
}

void join_signed_in(Visit& visit, const OpenLink& open) {
  const auto joined = visit.change(
      [&](store::Tx& tx) { return rules(visit).join(tx, somebody(visit, open), open.key); });
  if (!joined && joined.error().code == Code::kNotFound) return ended(visit, open.inviter);
  if (!joined && joined.error().code == Code::kAlreadyExists)
    return show_join(visit, 409, open, {{"", joined.error().message}});
  if (!joined) return visit.failed(joined.error());
  visit.site.c.sign_ins.renew_sessions_of(visit.person->user.id);
  visit.keep_link_key(kInviteCookie, "/invite", "");
  visit.done(flash("ok", html("You are {} of <b>{}</b> now.", open.link.role, open.workspace)),
             cat("/w/", open.workspace, "/tokens"));
}

void join_anew(Visit& visit, const OpenLink& open) {
  Errors errors;
  if (const auto text = password_error(visit.typed("password")); !text.empty())
    errors["password"] = text;
  if (const auto name = services::LinkRules::check_name(visit.typed("name")); !name)
    errors["name"] = name.error().message;
  if (const auto email = services::LinkRules::check_email(visit.typed("email")); !email)
    errors["email"] = email.error().message;
  if (!errors.empty()) return show_join(visit, 400, open, errors);
  const Result<std::string> hash = hash_on_pool(visit, visit.typed("password"));
  if (!hash)
    return show_join(
        visit, 503, open,
        {{"password", "Send it again in a moment: other passwords are being checked."}});
  Result<UserId> user = fail(Code::kInternal, "nothing was written");
  const Result<void> written = visit.change([&](store::Tx& tx) -> Result<void> {
    user = rules(visit).join_anew(tx, somebody(visit, open), open.key,
                                  {visit.typed("name"), visit.typed("email"), *hash});
    if (!user) return std::unexpected(user.error());
    return {};
  });
  if (!written && written.error().code == Code::kNotFound) return ended(visit, open.inviter);
  if (!written && written.error().code == Code::kAlreadyExists)
    return show_join(visit, 409, open, {{"email", written.error().message}});
  if (!written) return visit.failed(written.error());
  visit.keep_link_key(kInviteCookie, "/invite", "");
  visit.begin_session(*user, open.link.workspace);
  visit.done(flash("ok", html("You are {} of <b>{}</b> now.", open.link.role, open.workspace)),
             "/");
}

void show_password(Visit& visit, int status, const OpenLink& open, const Errors& errors) {
  visit.bare(status, "New password",
             html(R"(<div>
<h1>Choose a new password</h1>
<p><small>For {}. Other browsers that are signed in with it are signed out.</small></p>
</div>
{}<form method="post" action="/password">
{}
<input name="email" type="email" autocomplete="username" value="{}" hidden readonly>
{}<button class="primary">Set password</button>
</form>
)",
                  open.link.email, error_summary(errors), visit.form_key("/password"),
                  open.link.email, new_password_field(errors, errors.empty())));
}

}  // namespace

void invitation(Visit& visit) {
  const auto open = open_link(visit, "invitation", kInviteCookie);
  if (!open) return;
  if (!visit.posted()) return show_join(visit, 200, *open, {});
  if (!visit.accept_form()) return;
  if (visit.person) return join_signed_in(visit, *open);
  join_anew(visit, *open);
}

void new_password(Visit& visit) {
  const auto open = open_link(visit, "password", kPasswordCookie);
  if (!open) return;
  if (!visit.posted()) return show_password(visit, 200, *open, {});
  if (!visit.accept_form()) return;
  if (const auto text = password_error(visit.typed("password")); !text.empty())
    return show_password(visit, 400, *open, {{"password", text}});
  const Result<std::string> hash = hash_on_pool(visit, visit.typed("password"));
  if (!hash)
    return show_password(
        visit, 503, *open,
        {{"password", "Send it again in a moment: other passwords are being checked."}});
  Result<store::User> user = fail(Code::kInternal, "nothing was written");
  const Result<void> written = visit.change([&](store::Tx& tx) -> Result<void> {
    user = rules(visit).set_password(tx, somebody(visit, *open), open->key, *hash);
    if (!user) return std::unexpected(user.error());
    return {};
  });
  if (!written && written.error().code == Code::kNotFound) return ended(visit, open->inviter);
  if (!written) return visit.failed(written.error());
  visit.site.c.sign_ins.end_sessions_of(user->id);
  visit.keep_link_key(kPasswordCookie, "/password", "");
  visit.begin_session(user->id, open->link.workspace);
  visit.done(flash("ok", html("Your password is changed. Other browsers were signed out.")), "/");
}

}  // namespace ionian::gateway::pages
