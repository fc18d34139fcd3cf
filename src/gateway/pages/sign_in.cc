#include "gateway/pages/pages.h"
#include "gateway/pages/parts.h"
#include "gateway/pages/words.h"
#include "store/audit.h"

namespace ionian::gateway::pages {
namespace {

// What one returns to, where that is worth a word.
Html return_line(const Visit& visit, const std::string& next) {
  const std::string path = checked_next(visit, next);
  if (path.starts_with("/invite"))
    return html("<p class=\"flash info\">Then you return to the invitation.</p>\n");
  if (!path.starts_with("/token-flow/")) return {};
  const auto flow = visit.site.flows.find(visit.now, path.substr(12));
  if (!flow) return {};
  return html(
      "<p class=\"flash info\">Then you return to the request of <b>{}</b> for a token.</p>\n",
      flow->host.empty() ? "a computer" : tamed(flow->host, 64));
}

void show(Visit& visit, int status, const std::string& next, const Html& said) {
  const Html back = return_line(visit, next);
  const std::string email = visit.typed("email");
  visit.bare(status, "Sign in",
             html(R"(<h1>Sign in</h1>
{}<form method="post" action="/sign-in">
{}
<input type="hidden" name="next" value="{}">
{}<label>Email
<input name="email" type="email" autocomplete="username" required{} spellcheck="false" value="{}">
</label>
<label>Password
<input name="password" type="password" autocomplete="current-password" required{}>
</label>
<button class="primary">Sign in</button>
</form>
<details>
<summary>I cannot sign in</summary>
<p><small>Accounts are made by invitation: ask an owner or manager of your workspace for one, or
for a new password link. The first account is made with the link that <code>ionian admin
owner-link</code> prints on the server itself.</small></p>
</details>
)",
                  said, visit.form_key("/sign-in"), next, back,
                  email.empty() ? html(" autofocus") : Html(), email,
                  email.empty() ? Html() : html(" autofocus")));
}

Html said_bad(const Html& text) {
  return html("<p class=\"flash bad\" role=\"alert\">{}</p>\n", text);
}

// Nobody waits for the entry, so that its writing tells nothing: a known email and an unknown one
// take the same time.
void note(const Visit& visit, const std::optional<store::User>& user, std::string_view action) {
  const std::string target = user ? user->email : tamed(visit.typed("email"), 200);
  store::AuditEntry entry{.at = visit.now,
                          .actor = user ? user->id.str() : "",
                          .source = visit.address,
                          .action = std::string(action),
                          .target = target};
  visit.site.c.store.write(
      [entry, user](store::Tx& tx) mutable -> Result<void> {
        const auto first = store::find_first_workspace(tx);
        if (user) entry.workspace = store::first_workspace_of(tx, user->id);
        if (entry.workspace.empty() && first) entry.workspace = first->id;
        store::append_audit(tx, entry);
        return {};
      },
      [](Result<void>) {});
}

// What waits for somebody who comes here: who was signed out, or that there is nobody to sign in
// yet.
Html greeting(Visit& visit) {
  if (visit.site.c.sign_ins.has_ended(visit.now, visit.cookie))
    return flash("info", html(words::kSessionEnded));
  const auto first =
      visit.site.c.store.read([](store::View& view) { return store::find_first_user(view); });
  if (first && first->password_hash.empty()) return flash("info", html(words::kNoOwnerYet));
  return {};
}

}  // namespace

void sign_in(Visit& visit) {
  services::Context& c = visit.site.c;
  if (!visit.posted()) {
    const std::string next =
        visit.query.contains("next") ? visit.query["next"] + "|" + visit.query["sig"] : "";
    return show(visit, 200, next, greeting(visit));
  }
  if (!visit.accept_form()) return;
  const std::string email = visit.typed("email"), next = visit.typed("next");
  const Duration wait = c.sign_ins.wait_before_try(visit.now, visit.address, email);
  if (wait > 0ns)
    return show(visit, 429, next, said_bad(html(words::kSignInLimited, words_for(wait + 1s))));
  const auto user =
      c.store.read([&](store::View& view) { return store::find_user_by_email(view, email); });
  bool fits = false;
  const std::string password = visit.typed("password");
  if (!visit.elsewhere(visit.site.hashing, [&] {
        fits = services::SignIns::password_fits(user ? user->password_hash : "", password);
      }))
    return show(visit, 503, next,
                said_bad(html("Many people are signing in. Send it again in a moment.")));
  if (!fits) {
    c.sign_ins.note_failure(visit.now, visit.address, email);
    note(visit, user, "sign_in.refused");
    return show(visit, 401, next, said_bad(html(words::kSignInFailed)));
  }
  c.sign_ins.note_success(email);
  note(visit, user, "sign_in");
  visit.begin_session(user->id, c.store.read([&](store::View& view) {
    return store::first_workspace_of(view, user->id);
  }));
  visit.redirect(checked_next(visit, next));
}

void sign_out(Visit& visit) {
  if (!visit.posted()) return visit.redirect("/");
  if (!visit.accept_form()) return;
  visit.site.c.sign_ins.end_session(visit.cookie);
  visit.clear_cookie();
  visit.redirect("/sign-in");
}

}  // namespace ionian::gateway::pages
