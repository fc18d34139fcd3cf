#include "gateway/pages/environment_parts.h"
#include "gateway/pages/pages.h"

namespace ionian::gateway::pages {
namespace {

struct Row {
  store::Environment env;
  std::size_t people = 0, services = 0;  // who may go there
  store::EnvironmentContents contents;
};

std::vector<Row> look(const Visit& visit) {
  return visit.site.c.store.read([&](store::View& view) {
    std::vector<Row> rows;
    for (const store::Environment& e : store::list_environments(view, visit.person->workspace)) {
      if (!may_see(view, visit, e)) continue;
      const auto roles = roles_in(view, e);
      Row row{.env = e, .contents = store::count_contents(view, e.id)};
      for (const RoleRow& r : roles)
        if (r.role != rpc::EnvironmentRole::kNoAccess) ++(r.service ? row.services : row.people);
      rows.push_back(row);
    }
    return rows;
  });
}

std::string who(const Row& row) {
  if (!row.env.restricted) return "all members";
  return cat(row.people == 1 ? "1 person" : cat(row.people, " people"),
             row.services == 0   ? ""
             : row.services == 1 ? ", 1 service user"
                                 : cat(", ", row.services, " service users"));
}

Html list_row(const Visit& visit, const Row& row) {
  const store::Environment& e = row.env;
  const std::string at = visit.place(cat("/environments/", e.name)),
                    &ws = visit.person->workspace_name;
  const bool manages = visit.person->manages();
  const Html remove = manages && !e.is_default
                          ? html(
                                " <a class=\"button quiet danger\" href=\"{}/delete\" "
                                "aria-label=\"Delete {}\">Delete</a>",
                                at, e.name)
                          : Html();
  return html(
      R"(<tr><th scope="row"><a href="{}">{}</a>{}{}<small>made {}</small></th><td
data-l="Who">{}</td>)"
      R"(<td data-l="Web suffix">{}<small>{}…</small></td><td data-l="Image builder">{}</td><td
class="n" data-l="Apps">{}</td>)"
      R"(<td class="do"><a class="button quiet" href="{}" aria-label="Settings of
{}">Settings</a>{}</td></tr>
)",
      at, e.name, e.is_default ? tag("", "default") : Html(),
      e.restricted ? tag("info", "restricted") : Html(), date_tag(e.created_at), who(row),
      e.web_suffix.empty() ? "none" : e.web_suffix,
      e.web_suffix.empty() ? cat(ws, "--") : cat(ws, "-", e.web_suffix, "--"),
      e.image_builder_version.empty() ? "as the workspace" : e.image_builder_version,
      row.contents.apps, at, e.name, remove);
}

Html new_panel(Visit& visit, const Errors& errors) {
  if (!visit.person->manages()) return {};
  const std::string action = visit.place("/environments");
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(
                 R"(autocomplete="off" required pattern="[A-Za-z0-9][A-Za-z0-9_\-]{0,63}"
spellcheck="false")"),
             .hint = html("Letters, digits, dash and underscore, up to 64. Used as <code>--env "
                          "NAME</code> and in <code>MODAL_ENVIRONMENT</code>."),
             .value = visit.typed("name")},
            errors);
  const Html kinds =
      choices("kind", "Who",
              {{"open", "All members", html("Each as contributor.")},
               {"restricted", "Restricted",
                html("Only those you name. For all others it does not exist, not even by name.")}},
              visit.typed("kind", "open"));
  return html(R"(<section class="panel" aria-labelledby="new">
<div class="head"><h2 id="new">New environment</h2></div>
<form class="pad" method="post" action="{}">{}
{}{}<div class="act"><button class="primary">Create environment</button></div>
</form>
</section>
)",
              action, visit.form_key(action), name, kinds);
}

void list(Visit& visit, int status, const Errors& errors) {
  const auto rows = look(visit);
  const std::string& ws = visit.person->workspace_name;
  visit.page(status, cat("Environments · ", ws),
             page_head("Environments", html("Walls inside {}: an app, secret or volume belongs to "
                                            "one of them, and no call crosses.",
                                            ws)) +
                 error_summary(errors) +
                 html(R"(<section class="panel" aria-label="Environments">
<table>
<thead><tr><th>Name</th><th>Who</th><th>Web suffix</th><th>Image builder</th><th
class="n">Apps</th><th><span class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
</section>
)",
                      each(rows, [&](const Row& row) { return list_row(visit, row); })) +
                 new_panel(visit, errors) +
                 cli_line(html("<code>modal environment list</code>, <code>modal environment "
                               "create NAME --restricted</code>")));
}

void create(Visit& visit) {
  const bool restricted = visit.typed("kind") == "restricted";
  const std::string name = visit.typed("name");
  const Result<void> made = visit.change([&](store::Tx& tx) -> Result<void> {
    TRY(services::EnvironmentRules::create(
        tx, visit.actor(), visit.site.c.random,
        {.name = name, .restricted = restricted, .default_role = restricted ? "no-access" : ""}));
    return {};
  });
  if (!made &&
      (made.error().code == Code::kInvalidArgument || made.error().code == Code::kAlreadyExists))
    return list(visit, 400, {{"name", made.error().message}});
  if (!made) return visit.refused(made.error(), "create environments");
  visit.done(flash("ok", html("<b>{}</b> is ready.", name)),
             visit.place(cat("/environments/", name)));
}

}  // namespace

void environments(Visit& visit, const std::string& rest) {
  if (rest.empty()) {
    if (!visit.posted()) return list(visit, 200, {});
    if (visit.needs_manager("create environments") && visit.accept_form()) create(visit);
    return;
  }
  const std::size_t slash = rest.find('/', 1);
  const std::string name = rest.substr(1, slash - 1);
  const auto env =
      visit.site.c.store.read([&](store::View& view) -> std::optional<store::Environment> {
        auto found = name.empty() ? std::nullopt
                                  : store::find_environment(view, visit.person->workspace, name);
        if (!found || !may_see(view, visit, *found)) return std::nullopt;
        return found;
      });
  if (!env) return visit.not_found();
  visit.person->environment = env->name;
  visit.site.c.sign_ins.remember_place(visit.cookie, visit.person->workspace, env->name);
  one_environment(visit, *env, slash == std::string::npos ? "" : rest.substr(slash));
}

}  // namespace ionian::gateway::pages
