#include <charconv>

#include "gateway/pages/pages.h"
#include "gateway/pages/secret_page.h"
#include "gateway/pages/token_rows.h"
#include "gateway/pages/words.h"
#include "services/environment_rules.h"
#include "services/service_user_rules.h"

namespace ionian::gateway::pages {
namespace {

struct Row {
  store::ServiceUser user;
  std::vector<std::pair<store::Environment, std::string>> roles;  // where it was given one
  std::optional<store::Token> token;                              // the newest
};

rpc::Caller myself(const Visit& visit) {
  const Person& me = *visit.person;
  return {.kind = rpc::CallerKind::kToken,
          .workspace = me.workspace,
          .environment = {},
          .token = {},
          .principal = me.user.id.str(),
          .role = me.role};
}

std::vector<store::Environment> seen(store::View& view, const Visit& visit) {
  auto all = store::list_environments(view, visit.person->workspace);
  std::erase_if(all, [&](const store::Environment& e) {
    return services::AccessRules::role_in(view, myself(visit), e) ==
           rpc::EnvironmentRole::kNoAccess;
  });
  return all;
}

// Those of environments that who looks may see.
std::vector<Row> look(const Visit& visit) {
  return visit.site.c.store.read([&](store::View& view) {
    std::vector<Row> rows;
    const auto environments = seen(view, visit);
    for (const store::ServiceUser& user :
         store::list_service_users(view, visit.person->workspace)) {
      Row row{.user = user, .roles = {}, .token = {}};
      for (const store::Environment& e : environments)
        if (const std::string role = store::environment_role(view, e.id, user.id.str());
            !role.empty())
          row.roles.emplace_back(e, role);
      const auto tokens = store::list_tokens(view, user.workspace, user.id.str());
      if (!tokens.empty()) row.token = tokens.front();
      if (visit.person->manages() || !row.roles.empty()) rows.push_back(std::move(row));
    }
    return rows;
  });
}

Question delete_question(const Visit& visit, const store::ServiceUser& user) {
  return {.id = "sv-" + user.id.str(),
          .action = visit.place(cat("/service-users/", user.name, "/delete")),
          .title = html("Delete {}?", user.name),
          .text = html("Its token stops at once. Apps it deployed stay."),
          .keep = "Keep it",
          .go = "Delete service user"};
}

Html roles_text(const Row& row) {
  if (row.roles.empty()) return html("open ones: contributor");
  Html text;
  for (const auto& [env, role] : row.roles)
    text += html("{}{}: {}", text.empty() ? Html() : html("<br>"), env.name, role);
  return text;
}

Html token_cell(const Visit& visit, const Row& row) {
  if (!row.token) return html("none");
  const std::string id = row.token->id.str();
  return html("<code title=\"{}\">{}…{}</code> <small>{}{}</small>", id, id.substr(0, 7),
              id.substr(id.size() - 3),
              row.token->expires_at
                  ? html("expires {}", time_tag(visit.now, *row.token->expires_at))
                  : html("never expires"),
              token_tags(*row.token, visit.now));
}

Html list_row(Visit& visit, const Row& row) {
  const std::string& name = row.user.name;
  const std::string at = visit.place(cat("/service-users/", name));
  Html actions;
  if (visit.person->manages()) {
    if (row.token)
      actions += html(
          "<a class=\"button quiet\" href=\"{}/rotate\" aria-label=\"Rotate the token of "
          "{}\">Rotate</a> ",
          visit.place(cat("/tokens/", row.token->id)), name);
    actions += ask_button(visit, delete_question(visit, row.user), "Delete", cat("Delete ", name));
  }
  return html(
      R"(<tr><th scope="row"><a href="{}">{}</a><small>made {}</small></th><td
data-l="Environments">{}</td>)"
      R"(<td data-l="Token">{}</td><td data-l="Last used">{}</td><td class="do">{}</td></tr>
)",
      at, name, date_tag(row.user.created_at), roles_text(row), token_cell(visit, row),
      row.token ? last_use(*row.token, visit.now) : html("never"), actions);
}

void list(Visit& visit) {
  const auto rows = look(visit);
  const std::size_t page = page_number(visit, rows.size());
  Html body;
  for (std::size_t i = (page - 1) * kPageRows; i < std::min(rows.size(), page * kPageRows); ++i)
    body += list_row(visit, rows[i]);
  const Html table = rows.empty() ? empty_panel("Service users", html(words::kNoServiceUsers))
                                  : html(R"(<section class="panel" aria-label="Service users">
<table>
<thead><tr><th>Name</th><th>Environments</th><th>Token</th><th>Last used</th><th><span
class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
{}</section>
)",
                                         body, pages_nav(visit, page, rows.size(), ""));
  const Html action = visit.person->manages()
                          ? html("<a class=\"button primary\" href=\"{}\">New service user</a>\n",
                                 visit.place("/service-users/new"))
                          : Html();
  visit.page(
      200, cat("Service users · ", visit.person->workspace_name),
      page_head("Service users",
                html("Accounts for programs. They stay when a person leaves and see only the "
                     "restricted environments you name."),
                action) +
          table +
          cli_line(
              html("<code>modal workspace service-users list</code>, <code>… create NAME</code>")));
}

// A select per environment, named "role.ID".
Html role_selects(const std::vector<store::Environment>& environments,
                  const std::function<std::string(const store::Environment&)>& now) {
  return each(environments, [&](const store::Environment& e) {
    const std::string name = cat("role.", e.id);
    return select(name, e.restricted ? cat(e.name, ", restricted") : e.name,
                  {{"", e.restricted ? "no access" : "contributor, as everybody"},
                   {"contributor", "contributor"},
                   {"viewer", "viewer"},
                   {"no-access", "no access"}},
                  now(e));
  });
}

std::vector<store::Environment> all_environments(const Visit& visit) {
  return visit.site.c.store.read(
      [&](store::View& view) { return store::list_environments(view, visit.person->workspace); });
}

void show_new(Visit& visit, int status, const Errors& errors) {
  const std::string up = visit.place("/service-users");
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(
                 R"(autocomplete="off" required maxlength="64" pattern="[A-Za-z0-9_.\-]+"
spellcheck="false")"),
             .hint = html("Letters, digits, dash, dot and underscore. Say what it is: ci, grafana, "
                          "station-corfu."),
             .value = visit.typed("name")},
            errors);
  const Html roles = role_selects(all_environments(visit),
                                  [&](const auto& e) { return visit.typed(cat("role.", e.id)); });
  visit.page(status, "New service user",
             page_head_below(up, "Service users", "New service user", {}) + error_summary(errors) +
                 html(R"(<form method="post" action="{}">{}{}
{}<fieldset>
<legend>Roles</legend>
<div class="form">{}</div>
</fieldset>
{}<div class="act"><button class="primary">Create service user</button><a class="button"
href="{}">Cancel</a></div>
</form>
)",
                      up, visit.form_key(up), visit.once_field(), name, roles,
                      select("expires", "Its token expires",
                             {{"90", "in 90 days"}, {"365", "in a year"}, {"0", "never"}},
                             visit.typed("expires", "365")),
                      up));
}

void create(Visit& visit) {
  const std::string up = visit.place("/service-users");
  services::NewServiceUser wanted{.name = visit.typed("name")};
  int days = 365;
  const std::string text = visit.typed("expires");
  std::from_chars(text.data(), text.data() + text.size(), days);
  if (days > 0) wanted.expires_at = visit.now + 24h * std::min(days, 3650);
  for (const store::Environment& e : all_environments(visit))
    if (const std::string role = visit.typed(cat("role.", e.id)); !role.empty())
      wanted.roles.emplace_back(e.name, role);
  if (!first_time(visit, up, "Service users")) return;
  services::MadeServiceUser made;
  const Result<void> written = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(made, services::ServiceUserRules(visit.site.c.identity, visit.site.c.random)
                               .create(tx, visit.actor(), wanted));
    return {};
  });
  if (!written && (written.error().code == Code::kInvalidArgument ||
                   written.error().code == Code::kAlreadyExists))
    return show_new(visit, 400, {{"name", written.error().message}});
  if (!written) return visit.refused(written.error(), "create service users");
  made_once(visit, wanted.name);
  show_secret(visit, {.name = wanted.name,
                      .what = wanted.expires_at
                                  ? html("A service user of {}; its token holds until {}.",
                                         visit.person->workspace_name, date_tag(*wanted.expires_at))
                                  : html("A service user of {}; its token never expires.",
                                         visit.person->workspace_name),
                      .up = up,
                      .up_name = "Service users",
                      .id = made.pair.id.str(),
                      .secret = made.pair.secret});
}

void show_one(Visit& visit, const Row& row) {
  const std::string at = visit.place(cat("/service-users/", row.user.name)), action = at + "/roles";
  const std::string made_by = visit.site.c.store.read([&](store::View& view) {
    const auto user = store::find_user(view, row.user.created_by);
    return user ? user->name : std::string("somebody who is gone");
  });
  Html body =
      html(R"(<section class="panel" aria-label="The service user">
<dl class="facts pad">
<dt>ID</dt><dd><code>{}</code></dd>
<dt>Made</dt><dd>{} by {}</dd>
<dt>Roles</dt><dd>{}</dd>
<dt>Token</dt><dd>{}</dd>
<dt>Last used</dt><dd>{}</dd>
</dl>
</section>
)",
           row.user.id, date_tag(row.user.created_at), made_by, roles_text(row),
           token_cell(visit, row), row.token ? last_use(*row.token, visit.now) : html("never"));
  if (visit.person->manages()) {
    const Html roles = role_selects(all_environments(visit), [&](const store::Environment& e) {
      const auto it =
          std::ranges::find(row.roles, e.id, [](const auto& pair) { return pair.first.id; });
      return it == row.roles.end() ? std::string() : it->second;
    });
    body += html(R"(<section class="panel" aria-labelledby="roles">
<div class="head"><h2 id="roles">Roles</h2></div>
<form class="pad" method="post" action="{}">{}
{}<div class="act"><button class="primary">Save roles</button></div>
</form>
</section>
<div class="act">{}{}</div>
)",
                 action, visit.form_key(action), roles,
                 row.token ? html("<a class=\"button\" href=\"{}/rotate\">Rotate its token</a>",
                                  visit.place(cat("/tokens/", row.token->id)))
                           : Html(),
                 ask_button(visit, delete_question(visit, row.user), "Delete",
                            cat("Delete ", row.user.name)));
  }
  visit.page(200, cat(row.user.name, " · Service users"),
             page_head_below(visit.place("/service-users"), "Service users", row.user.name, {}) +
                 body +
                 cli_line(html("<code>modal workspace service-users set-role {} ENV ROLE</code>",
                               row.user.name)));
}

void change(Visit& visit, const Row& row, const std::string& action) {
  const auto environments = all_environments(visit);
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    if (action == "/delete") {
      TRY(services::ServiceUserRules::remove(tx, visit.actor(), row.user.id.str()));
      return {};
    }
    for (const store::Environment& e : environments) {
      const std::string wanted = visit.typed(cat("role.", e.id));
      if (wanted != store::environment_role(tx, e.id, row.user.id.str()))
        TRY(services::EnvironmentRules::set_role(tx, visit.actor(), e, row.user.id.str(), wanted));
    }
    return {};
  });
  if (!done) return visit.refused(done.error(), "change service users");
  if (action == "/delete")
    return visit.done(flash("ok", html("Deleted <b>{}</b>.", row.user.name)),
                      visit.place("/service-users"));
  visit.done(flash("ok", html("The roles of <b>{}</b> are saved.", row.user.name)),
             visit.place(cat("/service-users/", row.user.name)));
}

}  // namespace

void service_users(Visit& visit, const std::string& rest) {
  if (rest.empty() && !visit.posted()) return list(visit);
  if (rest.empty() || rest == "/new") {
    if (!visit.needs_manager("create service users")) return;
    if (!visit.posted()) return show_new(visit, 200, {});
    if (!rest.empty()) return visit.not_found();
    if (visit.accept_form()) create(visit);
    return;
  }
  const std::size_t slash = rest.find('/', 1);
  const std::string name = rest.substr(1, slash - 1),
                    action = slash == std::string::npos ? "" : rest.substr(slash);
  const auto rows = look(visit);
  const auto row = std::ranges::find(rows, name, [](const Row& r) { return r.user.name; });
  if (row == rows.end() || (!action.empty() && action != "/delete" && action != "/roles"))
    return visit.not_found();
  if (action.empty()) return visit.posted() ? visit.not_found() : show_one(visit, *row);
  if (!visit.needs_manager(action == "/delete" ? "delete service users" : "change service users"))
    return;
  if (visit.posted()) {
    if (visit.accept_form()) change(visit, *row, action);
    return;
  }
  if (action == "/delete")
    return ask_page(visit, delete_question(visit, row->user), visit.place("/service-users"));
  visit.redirect(visit.place(cat("/service-users/", name)));
}

}  // namespace ionian::gateway::pages
