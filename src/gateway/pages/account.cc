#include "gateway/pages/pages.h"
#include "gateway/pages/passwords.h"
#include "gateway/pages/words.h"
#include "services/link_rules.h"

namespace ionian::gateway::pages {
namespace {

// "Firefox on Linux" of a browser's long name for itself.
std::string browser_of(const std::string& agent) {
  static constexpr std::pair<std::string_view, std::string_view> kBrowsers[] = {
      {"Edg/", "Edge"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}};
  static constexpr std::pair<std::string_view, std::string_view> kSystems[] = {
      {"Android", "Android"}, {"iPhone", "iPhone"},  {"iPad", "iPad"},
      {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}};
  std::string name, system;
  for (const auto& [part, shown] : kBrowsers)
    if (name.empty() && agent.find(part) != std::string::npos) name = shown;
  for (const auto& [part, shown] : kSystems)
    if (system.empty() && agent.find(part) != std::string::npos) system = shown;
  if (name.empty()) return agent.empty() ? "unknown browser" : tamed(agent, 40);
  return system.empty() ? name : cat(name, " on ", system);
}

Html sessions_panel(Visit& visit) {
  const auto all =
      visit.site.c.sign_ins.sessions_of(visit.now, visit.person->user.id, visit.cookie);
  const Html rows = each(all, [&](const services::SignIns::Listed& s) {
    const std::string action = cat("/account/sessions/", s.id, "/end"), name = browser_of(s.agent);
    const Html button = s.current
                            ? Html()
                            : html(
                                  R"(<form method="post" action="{}">{}<button class="quiet danger"
aria-label="End {} at {}">End</button></form>)",
                                  action, visit.form_key(action), name, s.address);
    return html(
        R"(<tr><th scope="row">{}{}</th><td data-l="Address"><code>{}</code></td><td
data-l="Signed in">{}</td>)"
        R"(<td data-l="Last used">{}</td><td class="do">{}</td></tr>)",
        name, s.current ? tag("", "this one") : Html(), s.address, time_tag(visit.now, s.created),
        time_tag(visit.now, s.used), button);
  });
  const std::string others = "/account/sessions/end";
  const Html sign_out_all = all.size() < 2
                                ? Html()
                                : html(
                                      "<form method=\"post\" action=\"{}\">{}<button>Sign out "
                                      "everywhere else</button></form>\n",
                                      others, visit.form_key(others));
  return html(R"(<section class="panel" aria-labelledby="sessions">
<div class="head"><h2 id="sessions">Signed in</h2>{}</div>
<table>
<thead><tr><th>Browser</th><th>Address</th><th>Signed in</th><th>Last used</th><th><span
class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
</section>
)",
              sign_out_all, rows);
}

Html profile_panel(Visit& visit, const Errors& errors) {
  const store::User& me = visit.person->user;
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(R"(autocomplete="name" required maxlength="64")"),
             .hint = html("Shown to others of your workspaces, and in the audit log."),
             .value = visit.typed("name", me.name)},
            errors);
  const Html themes = select("theme", "Colours",
                             {{"", "as the browser says"}, {"light", "light"}, {"dark", "dark"}},
                             visit.typed("theme", visit.person->theme));
  return html(R"(<section class="panel" aria-labelledby="profile">
<div class="head"><h2 id="profile">Profile</h2></div>
<form class="pad" method="post" action="/account">{}
{}{}<div class="act"><button class="primary">Save profile</button></div>
</form>
</section>
)",
              visit.form_key("/account"), name, themes);
}

Html password_panel(Visit& visit, const Errors& errors) {
  const Html current =
      field({.name = "current-password",
             .label = "Password until now",
             .input = html(R"(type="password" autocomplete="current-password" required)")},
            errors);
  return html(R"(<section class="panel" aria-labelledby="change">
<div class="head"><h2 id="change">Password</h2></div>
<form class="pad" method="post" action="/account/password">{}
<input name="email" type="email" autocomplete="username" value="{}" hidden readonly>
{}{}<div class="act"><button class="primary">Change password</button></div>
</form>
</section>
)",
              visit.form_key("/account/password"), visit.person->user.email, current,
              new_password_field(errors, false, "New password"));
}

void show(Visit& visit, int status, const Errors& errors) {
  visit.page(status, "Account",
             page_head("Your account", plain(visit.person->user.email)) + error_summary(errors) +
                 html("<div class=\"two\">\n{}{}</div>\n", profile_panel(visit, errors),
                      password_panel(visit, errors)) +
                 sessions_panel(visit));
}

void note(store::Tx& tx, const Visit& visit, std::string_view action, std::string_view detail) {
  services::audit(tx, visit.actor(), action, visit.person->user.email, detail);
}

// As the account is now, not as it was when the request came.
Result<store::User> myself(store::Tx& tx, const Visit& visit) {
  auto user = store::find_user(tx, visit.person->user.id);
  if (!user) return fail(Code::kNotFound, "the account is gone");
  return *std::move(user);
}

void save_profile(Visit& visit) {
  const std::string name = visit.typed("name"), theme = visit.typed("theme");
  if (const auto fits = services::LinkRules::check_name(name); !fits)
    return show(visit, 400, {{"name", fits.error().message}});
  if (theme != "" && theme != "light" && theme != "dark")
    return show(visit, 400, {{"theme", "Choose one of the three."}});
  const auto saved = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(store::User user, myself(tx, visit));
    if (user.name != name) note(tx, visit, "member.rename", cat(user.name, " -> ", name));
    user.name = name;
    store::update_user(tx, user);
    store::set_theme(tx, user.id, theme);
    return {};
  });
  if (!saved) return visit.failed(saved.error());
  visit.done(flash("ok", html("Saved.")), "/account");
}

void change_password(Visit& visit) {
  services::SignIns& sign_ins = visit.site.c.sign_ins;
  const store::User& me = visit.person->user;
  const std::string current = visit.typed("current-password"), wanted = visit.typed("password");
  if (const auto text = password_error(wanted); !text.empty())
    return show(visit, 400, {{"password", text}});
  // Whoever finds an open browser tries no more passwords here than at the door.
  const Duration wait = sign_ins.wait_before_try(visit.now, visit.address, me.email);
  if (wait > 0ns)
    return show(visit, 429,
                {{"current-password",
                  cat("Too many tries. The next one is possible in ", words_for(wait + 1s), ".")}});
  bool fits = false;
  const bool asked = visit.elsewhere(visit.site.hashing, [&] {
    fits = services::SignIns::password_fits(me.password_hash, current);
  });
  if (!asked)
    return show(visit, 503,
                {{"password", "Send it again in a moment: other passwords are being checked."}});
  if (!fits) {
    sign_ins.note_failure(visit.now, visit.address, me.email);
    return show(visit, 400, {{"current-password", "That is not your password."}});
  }
  sign_ins.note_success(me.email);
  const Result<std::string> hash = hash_on_pool(visit, wanted);
  if (!hash)
    return show(visit, 503,
                {{"password", "Send it again in a moment: other passwords are being checked."}});
  const auto saved = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(store::User user, myself(tx, visit));
    user.password_hash = *hash;
    store::update_user(tx, user);
    store::withdraw_password_links(tx, user.email, visit.now);
    note(tx, visit, "password.change", "in the browser");
    return {};
  });
  if (!saved) return visit.failed(saved.error());
  const std::size_t others = sign_ins.end_sessions_of(me.id, visit.cookie);
  visit.set_cookie(sign_ins.renew_session(visit.cookie));
  visit.done(
      flash("ok", html("Your password is changed; {} signed out.",
                       others == 1 ? "1 other browser was" : cat(others, " other browsers were"))),
      "/account");
}

void end_sessions(Visit& visit, const std::string& rest) {
  services::SignIns& sign_ins = visit.site.c.sign_ins;
  const UserId& me = visit.person->user.id;
  if (rest == "/sessions/end") {
    const std::size_t others = sign_ins.end_sessions_of(me, visit.cookie);
    return visit.done(flash("ok", html("Signed out everywhere else: {}.",
                                       others == 1 ? "1 browser" : cat(others, " browsers"))),
                      "/account");
  }
  const std::string id = rest.substr(10, rest.size() - 10 - 4);
  if (!sign_ins.end_listed(me, id)) return visit.not_found();
  visit.done(flash("ok", html("That browser is signed out.")), "/account");
}

}  // namespace

void account(Visit& visit, const std::string& rest) {
  const bool ends = rest == "/sessions/end" ||
                    (rest.starts_with("/sessions/") && rest.ends_with("/end") && rest.size() > 14);
  if (!visit.posted())
    return rest.empty()                  ? show(visit, 200, {})
           : ends || rest == "/password" ? visit.redirect("/account")
                                         : visit.not_found();
  if (!rest.empty() && rest != "/password" && !ends) return visit.not_found();
  if (!visit.accept_form()) return;
  if (rest.empty()) return save_profile(visit);
  if (rest == "/password") return change_password(visit);
  end_sessions(visit, rest);
}

}  // namespace ionian::gateway::pages
