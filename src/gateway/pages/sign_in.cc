#include "gateway/pages/pages.h"

namespace ionian::gateway::pages {
namespace {

void show(Visit& visit, int status, const std::string& next, std::string_view error, std::string_view email) {
  const std::string flash = error.empty() ? "" : cat("<p class=\"flash bad\" role=\"alert\">", error, "</p>");
  const std::string key = visit.form_key("/sign-in");
  visit.page(status, "Sign in", cat(
      "<h1>Sign in</h1>\n<form method=\"post\" action=\"/sign-in\">\n<input type=\"hidden\" name=\"csrf\" value=\"", key,
      "\">\n<input type=\"hidden\" name=\"next\" value=\"", escape(next), "\">\n", flash,
      "<label>Email\n<input name=\"email\" type=\"email\" autocomplete=\"username\" required autofocus spellcheck=\"false\" value=\"", escape(email),
      "\">\n</label>\n<label>Password\n<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\n</label>\n"
      "<button class=\"primary\">Sign in</button>\n</form>\n<details>\n<summary>I cannot sign in</summary>\n<p><small>The first account is made with the link that "
      "<code>ionian admin owner-link</code> prints on the server itself.</small></p>\n</details>"));
}

}  // namespace

void sign_in(Visit& visit) {
  services::Context& c = visit.site.c;
  if (visit.method == "GET") {
    // "/path&sig=…" as ask_to_sign_in() writes it.
    const std::string next = visit.query.contains("next") ? visit.query["next"] + "|" + visit.query["sig"] : "";
    return show(visit, 200, next, "", "");
  }
  if (!visit.accept_form()) return;
  const std::string email = visit.form["email"], password = visit.form["password"], next = visit.form["next"];
  const Duration wait = c.sign_ins.wait_before_try(c.clock.now(), visit.address, email);
  if (wait > 0ns)
    return show(visit, 429, next, cat("Too many tries. The next one is possible in ", words_for(wait + 1s), ". On the server itself <code>ionian admin</code> works without waiting."), email);
  const auto user = c.store.read([&](store::View& view) { return store::find_user_by_email(view, email); });
  bool fits = false;
  if (!visit.elsewhere(visit.site.hashing, [&] { fits = services::SignIns::password_fits(user ? user->password_hash : "", password); }))
    return show(visit, 503, next, "Too many people are signing in. Try again in a moment.", email);
  if (!fits) {
    c.sign_ins.note_failure(c.clock.now(), visit.address, email);
    return show(visit, 401, next, "Email and password do not match an account here.", email);
  }
  c.sign_ins.note_success(email);
  const WorkspaceId workspace = c.store.read([&](store::View& view) { return store::first_workspace_of(view, user->id); });
  // A new value at sign-in: a cookie that somebody planted before is worth nothing.
  c.sign_ins.end_session(visit.cookie);
  visit.set_cookie(c.sign_ins.begin_session(c.clock.now(), {.user = user->id, .workspace = workspace, .created = {}, .used = {}}));
  visit.redirect(checked_next(visit, next));
}

void sign_out(Visit& visit) {
  if (visit.method != "POST") return visit.redirect("/");
  if (!visit.accept_form()) return;
  visit.site.c.sign_ins.end_session(visit.cookie);
  visit.clear_cookie();
  visit.redirect("/sign-in");
}

}  // namespace ionian::gateway::pages
