#include "gateway/pages/pages.h"
#include "store/workspaces.h"

namespace ionian::gateway::pages {
namespace {

constexpr std::string_view kKeyCookie = "owner-key";

std::string key_of(const Visit& visit) {
  const auto header = visit.exchange.head()[http::field::cookie];
  const std::string cookies(header.data(), header.size());
  const std::string name = cat(kKeyCookie, '=');
  const std::size_t at = cookies.find(name);
  return at == std::string::npos ? "" : cookies.substr(at + name.size(), cookies.find(';', at) - at - name.size());
}

std::string field(std::string_view label, std::string_view input, std::string_view error, std::string_view hint) {
  return cat("<label>", label, "\n", input, error.empty() ? "" : cat("\n<span class=\"err\">", error, "</span>"), "\n<small>", hint, "</small>\n</label>\n");
}

struct Errors {
  std::string name, email, password, workspace;
  bool any() const { return !(name + email + password + workspace).empty(); }
};

Errors check(const Fields& form) {
  const auto get = [&](std::string_view name) {
    const auto it = form.find(name);
    return it == form.end() ? std::string() : it->second;
  };
  Errors e;
  if (get("name").empty() || get("name").size() > 64) e.name = "Write a name of 1 to 64 characters.";
  const std::string email = get("email");
  if (email.find('@') == std::string::npos || email.size() > 200 || email.find(' ') != std::string::npos) e.email = "Write an email address.";
  if (get("password").size() < 12 || get("password").size() > 1000) e.password = "Choose 12 characters or more.";
  const std::string ws = get("workspace");
  bool fits = !ws.empty() && ws.size() <= 31 && ws[0] != '-';
  for (char c : ws) fits = fits && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  if (!fits) e.workspace = "Use lower-case letters, digits and dashes, a letter or digit first, 31 at most.";
  return e;
}

void show(Visit& visit, int status, const Errors& errors) {
  const auto typed = [&](std::string_view name, std::string_view otherwise) {
    const auto it = visit.form.find(name);
    return escape(it == visit.form.end() ? otherwise : std::string_view(it->second));
  };
  const std::string key = visit.form_key("/first-owner");
  visit.page(status, "First owner", cat(
      "<div>\n<h1>This server is yours. Make its owner account.</h1>\n<p><small>There is no account here yet and no default password. You hold the one-time link that was "
      "printed in the server’s terminal; it works once and ends after 60 minutes.</small></p>\n</div>\n<form method=\"post\" action=\"/first-owner\">\n"
      "<input type=\"hidden\" name=\"csrf\" value=\"", key, "\">\n",
      field("Your name", cat("<input name=\"name\" autocomplete=\"name\" required autofocus value=\"", typed("name", ""), "\">"), errors.name, "Shown to others of the workspace."),
      field("Email", cat("<input name=\"email\" type=\"email\" autocomplete=\"username\" required spellcheck=\"false\" value=\"", typed("email", ""), "\">"), errors.email,
            "Your name for signing in. No mail is sent."),
      field("Password", "<input name=\"password\" type=\"password\" autocomplete=\"new-password\" minlength=\"12\" required>", errors.password,
            "12 characters or more. A few unrelated words are good."),
      field("Workspace", cat("<input name=\"workspace\" autocomplete=\"off\" required pattern=\"[a-z0-9][a-z0-9\\-]{0,30}\" spellcheck=\"false\" value=\"", typed("workspace", "local"), "\">"),
            errors.workspace, "Lower-case letters, digits and dashes. It starts with one environment, <b>main</b>. Client profiles take this name."),
      "<button class=\"primary\">Create owner account</button>\n</form>"));
}

void ended(Visit& visit) {
  visit.page(410, "This link has ended", "<h1>This link has ended.</h1><p>It worked once or ran out after 60 minutes. On the server, <code>ionian admin owner-link</code> prints a new one.</p>");
}

}  // namespace

void first_owner(Visit& visit) {
  services::Context& c = visit.site.c;
  if (visit.method == "GET" && visit.query.contains("key")) {
    // The key leaves the address bar, the history and the referrer at once; looking does not use it up.
    if (!c.sign_ins.owner_key_fits(c.clock.now(), visit.query["key"])) return ended(visit);
    return visit.exchange.reply(303, "text/plain", "", {{"Location", "/first-owner"}, {"Cache-Control", "no-store"}, {"Referrer-Policy", "no-referrer"},
        {"Set-Cookie", cat(kKeyCookie, '=', visit.query["key"], "; HttpOnly; SameSite=Lax; Path=/first-owner; Max-Age=3600")}});
  }
  const std::string key = key_of(visit);
  if (!c.sign_ins.owner_key_fits(c.clock.now(), key)) return ended(visit);
  if (visit.method == "GET") return show(visit, 200, {});
  if (!visit.accept_form()) return;
  const Errors errors = check(visit.form);
  if (errors.any()) return show(visit, 400, errors);
  Result<std::string> hash = fail(Code::kInternal, "");
  if (!visit.elsewhere(visit.site.hashing, [&] { hash = services::SignIns::hash_password(visit.form["password"]); }) || !hash) return show(visit, 503, {});
  store::User owner;
  WorkspaceId workspace;
  const Result<void> made = c.store.write_now([&](store::Tx& tx) -> Result<void> {
    const auto first = store::find_first_user(tx);
    if (!first || !first->password_hash.empty()) return fail(Code::kFailedPrecondition, "there is an owner already");
    owner = *first;
    owner.name = visit.form["name"];
    owner.email = visit.form["email"];
    owner.password_hash = *hash;
    store::update_user(tx, owner);
    workspace = store::first_workspace_of(tx, owner.id);
    store::rename_workspace(tx, workspace, visit.form["workspace"]);
    store::append_audit(tx, {.at = c.clock.now(), .workspace = workspace, .actor = owner.id.str(), .source = visit.address, .action = "owner.create", .target = owner.email});
    return {};
  });
  if (!made) return ended(visit);
  c.sign_ins.use_owner_key();
  c.forget_identities();
  visit.set_cookie(c.sign_ins.begin_session(c.clock.now(), {.user = owner.id, .workspace = workspace, .created = {}, .used = {}}));
  visit.redirect("/");
}

}  // namespace ionian::gateway::pages
