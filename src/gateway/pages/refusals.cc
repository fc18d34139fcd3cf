// The pages that say no: not there, not allowed, failed, too old.
#include "base/log.h"
#include "gateway/pages/frame.h"
#include "gateway/pages/parts.h"
#include "gateway/pages/words.h"

namespace ionian::gateway::pages {
namespace {

// What the path names: "token", "member" …; its own words never stand in the page, so that all that
// is not there looks the same.
std::string_view kind_of(const std::string& path) {
  static constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {"/tokens/", "token"},
      {"/members/", "member"},
      {"/service-users/", "service user"},
      {"/environments/", "environment"},
      {"/proxy-tokens/", "proxy token"}};
  if (!path.starts_with("/w/")) return "page";
  const std::size_t end = path.find('/', 3);
  if (end == std::string::npos) return "workspace";
  for (const auto& [part, kind] : kKinds)
    if (path.compare(end, part.size(), part) == 0 && path.size() > end + part.size()) return kind;
  return "page";
}

bool secret(const std::string& name) {
  static constexpr std::string_view kSecrets[] = {"csrf",  "once",     "next",   "code",
                                                  "local", "password", "secret", "do"};
  for (std::string_view s : kSecrets)
    if (name.find(s) != std::string::npos) return true;
  return false;
}

}  // namespace

void Visit::not_found() {
  const std::string_view kind = kind_of(path);
  const Html title = html(words::kNotFound, kind);
  if (!person) return bare(404, "Not found", html("<h1>{}</h1>\n", title));
  const Html who =
      html(words::kNotFoundWhy, person->user.email, person->workspace_name, person->environment);
  page(404, "Not found",
       html("<header>\n<div><h1>{}</h1><p>{}</p></div>\n</header>\n<div class=\"act\"><a "
            "class=\"button\" "
            "href=\"/\">Back to the start</a></div>\n",
            title, who));
}

void Visit::not_allowed(std::string_view action, std::string_view needs) {
  const std::string at = person->workspace_name;
  if (posted() && from_here())
    (void)site.c.store.write_now([&](store::Tx& tx) -> Result<void> {
      services::audit(tx, actor(), "access.refused", action,
                      cat("needs ", needs, ", is ", person->role_text));
      return {};
    });
  const auto members = site.c.store.read(
      [&](store::View& view) { return store::list_members(view, person->workspace); });
  Html who;
  for (const store::Member& m : members)
    if (m.role == "owner" || (needs == "manager" && m.role == "manager"))
      who += html("{}<b>{}</b> ({})", who.empty() ? "" : ", ", m.name, m.role);
  page(403, "Not allowed",
       html(R"(<header>
<div><h1>{}</h1></div>
</header>
<section class="panel" aria-label="What was asked">
<dl class="facts pad">
<dt>Action</dt><dd>{}</dd>
<dt>Where</dt><dd>workspace <b>{}</b></dd>
<dt>Needs</dt><dd>{}</dd>
<dt>You are</dt><dd>{} <small>({})</small></dd>
</dl>
</section>
<p>{}</p>
<div class="act"><a class="button" href="{}">Back to {}</a></div>
)",
            html(words::kNotAllowed, action, at), action, at, needs, person->role_text,
            person->user.email, html(words::kNotAllowedWhy, who), place("/tokens"), at));
}

bool Visit::needs_manager(std::string_view action) {
  if (person->manages()) return true;
  not_allowed(action, "manager");
  return false;
}

void Visit::refused(const Status& status, std::string_view action) {
  switch (status.code) {
    case Code::kNotFound:
      return not_found();
    case Code::kPermissionDenied:
      return not_allowed(
          action, status.message.find("role owner") != std::string::npos ? "owner" : "manager");
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
      return page(409, "Not done",
                  html("<header>\n<div><h1>Nothing was changed</h1></div>\n</header>\n{}<div "
                       "class=\"act\"><a "
                       "class=\"button\" href=\"{}\">Back</a></div>\n",
                       flash("bad", plain(status.message)), parent_of(path)));
    default:
      return failed(status);
  }
}

void Visit::failed(const Status& status) {
  const std::string id = "rq-" + random_base62(site.c.random, 12);
  log::error("page ", id, " ", method, " ", path, ": ", code_name(status.code), " ",
             status.message);
  const Html body = html("<header>\n<div><h1>{}</h1><p>{}</p></div>\n</header>\n",
                         words::kServerError, html(words::kServerErrorWhy, id));
  if (person)
    page(500, words::kServerError, body);
  else
    bare(500, words::kServerError, body);
}

Html foreign_form() {
  return html(
      "<header>\n<div><h1>{}</h1><p>Nothing was done.</p></div>\n</header>\n<div class=\"act\"><a "
      "class=\"button\" "
      "href=\"/\">Back to the start</a></div>\n",
      words::kFormTooOld);
}

Html too_old_form(Visit& visit) {
  Html fields;
  if (visit.form.contains("next"))
    fields += html("<input type=\"hidden\" name=\"next\" value=\"{}\">\n", visit.typed("next"));
  for (const auto& [name, value] : visit.form)
    if (!secret(name))
      fields += html("<label>{}\n<input name=\"{}\" value=\"{}\" autocomplete=\"off\"></label>\n",
                     name, name, value);
  for (const auto& [name, value] : visit.form)
    if (name.find("password") != std::string::npos)
      fields +=
          html("<label>{}\n<input name=\"{}\" type=\"password\" autocomplete=\"off\"></label>\n",
               name, name);
  const bool answered = visit.form.contains("do");
  const Html button =
      answered ? html("<button class=\"primary\" name=\"do\" value=\"{}\">Send it again</button>",
                      visit.typed("do"))
               : html("<button class=\"primary\">Send it again</button>");
  const Html once = visit.form.contains("once") ? visit.once_field() : Html();
  return html(R"(<header>
<div><h1>{}</h1><p>{}</p></div>
</header>
<form method="post" action="{}">
{}{}{}<div class="act">{}</div>
</form>
)",
              words::kFormTooOld, words::kFormTooOldWhy, visit.path, visit.form_key(visit.path),
              once, fields, button);
}

}  // namespace ionian::gateway::pages
