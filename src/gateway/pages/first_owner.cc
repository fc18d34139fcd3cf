#include "gateway/pages/pages.h"
#include "gateway/pages/passwords.h"
#include "gateway/pages/words.h"
#include "services/link_rules.h"
#include "services/workspaces.h"
#include "store/audit.h"

namespace ionian::gateway::pages {
namespace {

constexpr std::string_view kCookie = "ionian-owner-key";

Errors check(const Visit& visit) {
  Errors errors;
  if (const auto name = services::LinkRules::check_name(visit.typed("name")); !name)
    errors["name"] = name.error().message;
  if (const auto email = services::LinkRules::check_email(visit.typed("email")); !email)
    errors["email"] = email.error().message;
  if (const auto text = password_error(visit.typed("password")); !text.empty())
    errors["password"] = text;
  if (const auto fits = services::check_workspace_name(visit.typed("workspace")); !fits)
    errors["workspace"] = fits.error().message;
  return errors;
}

void show(Visit& visit, int status, const Errors& errors) {
  const Html name = field({.name = "name",
                           .label = "Your name",
                           .input = html(R"(autocomplete="name" required maxlength="64"{})",
                                         errors.empty() ? html(" autofocus") : Html()),
                           .hint = html("Shown to others of the workspace."),
                           .value = visit.typed("name")},
                          errors);
  const Html email =
      field({.name = "email",
             .label = "Email",
             .input = html(R"(type="email" autocomplete="username" required spellcheck="false")"),
             .hint = html("Your name for signing in. No mail is sent."),
             .value = visit.typed("email")},
            errors);
  const Html workspace = field(
      {.name = "workspace",
       .label = "Workspace",
       .input = html(
           R"(autocomplete="off" required pattern="[a-z0-9][a-z0-9\-]{0,30}" spellcheck="false")"),
       .hint = html("Lower-case letters, digits and dashes. It starts with one environment, "
                    "<b>main</b>. Client profiles "
                    "take this name."),
       .value = visit.typed("workspace", "local")},
      errors);
  const Duration left = visit.site.c.sign_ins.owner_key_left(visit.now);
  visit.bare(status, "First owner",
             html(R"(<div>
<h1>{}</h1>
<p><small>{}</small></p>
</div>
{}<form method="post" action="/first-owner">
{}
{}{}{}{}<button class="primary">Create owner account</button>
</form>
)",
                  words::kFirstOwner, html(words::kFirstOwnerWhy, words_for(left)),
                  error_summary(errors), visit.form_key("/first-owner"), name, email,
                  new_password_field(errors, false), workspace));
}

void ended(Visit& visit) {
  visit.bare(410, words::kLinkEnded,
             html("<h1>{}</h1>\n<p>{}</p>\n<div class=\"act\"><a class=\"button\" "
                  "href=\"/sign-in\">Sign in</a></div>\n",
                  words::kLinkEnded, html(words::kFirstOwnerEnded)));
}

Result<store::User> make_owner(Visit& visit, const std::string& hash, WorkspaceId& workspace) {
  store::User owner;
  const Result<void> made = visit.change([&](store::Tx& tx) -> Result<void> {
    const auto first = store::find_first_user(tx);
    if (!first || !first->password_hash.empty())
      return fail(Code::kFailedPrecondition, "there is an owner already");
    owner = *first;
    owner.name = visit.typed("name");
    owner.email = visit.typed("email");
    owner.password_hash = hash;
    store::update_user(tx, owner);
    workspace = store::first_workspace_of(tx, owner.id);
    store::rename_workspace(tx, workspace, visit.typed("workspace"));
    store::append_audit(tx, {.at = visit.now,
                             .workspace = workspace,
                             .actor = owner.id.str(),
                             .source = visit.address,
                             .action = "owner.create",
                             .target = owner.email});
    return {};
  });
  if (!made) return std::unexpected(made.error());
  return owner;
}

}  // namespace

void first_owner(Visit& visit) {
  services::SignIns& sign_ins = visit.site.c.sign_ins;
  if (!visit.posted() && visit.query.contains("key")) {
    // The key leaves the address bar, the history and the referrer at once; looking does not use it
    // up.
    if (!sign_ins.owner_key_fits(visit.now, visit.query["key"])) return ended(visit);
    visit.keep_link_key(kCookie, "/first-owner", visit.query["key"]);
    return visit.redirect("/first-owner");
  }
  if (!sign_ins.owner_key_fits(visit.now, visit.cookie_named(kCookie))) return ended(visit);
  if (!visit.posted()) return show(visit, 200, {});
  if (!visit.accept_form()) return;
  const Errors errors = check(visit);
  if (!errors.empty()) return show(visit, 400, errors);
  const Result<std::string> hash = hash_on_pool(visit, visit.typed("password"));
  if (!hash)
    return show(visit, 503,
                {{"password", "Send it again in a moment: other passwords are being checked."}});
  WorkspaceId workspace;
  const Result<store::User> owner = make_owner(visit, *hash, workspace);
  if (!owner)
    return owner.error().code == Code::kFailedPrecondition ? ended(visit)
                                                           : visit.failed(owner.error());
  sign_ins.use_owner_key();
  visit.keep_link_key(kCookie, "/first-owner", "");
  visit.begin_session(owner->id, workspace);
  visit.redirect("/");
}

}  // namespace ionian::gateway::pages
