#include "gateway/pages/environment_parts.h"
#include "gateway/pages/pages.h"

namespace ionian::gateway::pages {

namespace {

rpc::Caller caller_of(const store::Environment& env, const std::string& principal,
                      rpc::WorkspaceRole role) {
  return {.kind = rpc::CallerKind::kToken,
          .workspace = env.workspace,
          .environment = {},
          .token = {},
          .principal = principal,
          .role = role};
}

}  // namespace

std::vector<RoleRow> roles_in(store::View& view, const store::Environment& env) {
  std::vector<RoleRow> rows;
  const auto add = [&](RoleRow row) {
    row.assigned = store::environment_role(view, env.id, row.principal);
    row.role = services::AccessRules::role_in(
        view, caller_of(env, row.principal, row.workspace_role), env);
    rows.push_back(std::move(row));
  };
  for (const store::Member& m : store::list_members(view, env.workspace))
    add({.principal = m.user.str(),
         .name = m.name,
         .email = m.email,
         .workspace_role = services::workspace_role_of(m.role)});
  for (const store::ServiceUser& s : store::list_service_users(view, env.workspace))
    add({.principal = s.id.str(),
         .name = s.name,
         .email = "",
         .service = true,
         .workspace_role = rpc::WorkspaceRole::kService});
  return rows;
}

bool may_see(store::View& view, const Visit& visit, const store::Environment& env) {
  const Person& me = *visit.person;
  return services::AccessRules::role_in(view, caller_of(env, me.user.id.str(), me.role), env) !=
         rpc::EnvironmentRole::kNoAccess;
}

namespace {

using services::EnvironmentRules;

const std::vector<Choice> kBuilders = {{"", "as the workspace"},
                                       {"2024.10", "2024.10"},
                                       {"2025.06", "2025.06"},
                                       {"2026.10", "2026.10"}};

std::string at_of(const Visit& visit, const store::Environment& env) {
  return visit.place(cat("/environments/", env.name));
}

std::vector<RoleRow> read_roles(const Visit& visit, const store::Environment& env) {
  return visit.site.c.store.read([&](store::View& view) { return roles_in(view, env); });
}

Html settings_panel(Visit& visit, const store::Environment& env, const Errors& errors) {
  const std::string at = at_of(visit, env);
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(R"(autocomplete="off" required maxlength="64" spellcheck="false")"),
             .hint = html("Programs that name it by <code>--env</code> must change with it."),
             .value = visit.typed("name", env.name)},
            errors);
  const Html suffix =
      field({.name = "suffix",
             .label = "Web suffix",
             .input = html(R"(autocomplete="off" maxlength="64" spellcheck="false")"),
             .hint = html("Part of the addresses of web endpoints; none for the main environment."),
             .value = visit.typed("suffix", env.web_suffix)},
            errors);
  return html(R"(<section class="panel" aria-labelledby="settings">
<div class="head"><h2 id="settings">Settings</h2></div>
<form class="pad" method="post" action="{}">{}
{}{}{}<div class="act"><button class="primary">Save settings</button></div>
</form>
</section>
)",
              at, visit.form_key(at), name, suffix,
              select("builder", "Image builder", kBuilders,
                     visit.typed("builder", env.image_builder_version)));
}

Html facts_panel(const Visit& visit, const store::Environment& env) {
  return html(R"(<section class="panel" aria-label="Settings">
<dl class="facts pad">
<dt>Web suffix</dt><dd>{}</dd>
<dt>Image builder</dt><dd>{}</dd>
<dt>Made</dt><dd>{}</dd>
</dl>
</section>
)",
              env.web_suffix.empty() ? "none" : env.web_suffix,
              env.image_builder_version.empty() ? "as the workspace" : env.image_builder_version,
              time_tag(visit.now, env.created_at));
}

Html role_cell(Visit& visit, const store::Environment& env, const RoleRow& row) {
  const std::string shown(services::role_text(row.role));
  const bool by_workspace = row.workspace_role >= rpc::WorkspaceRole::kManager;
  if (!visit.person->manages() || by_workspace)
    return html("{}{}", shown,
                by_workspace
                    ? html("<small>as {} of the workspace</small>",
                           row.workspace_role == rpc::WorkspaceRole::kOwner ? "owner" : "manager")
                    : Html());
  const std::string action = at_of(visit, env) + "/role";
  const auto option = [&](std::string_view value, std::string_view label) {
    return html("<option value=\"{}\"{}>{}</option>", value,
                value == row.assigned ? html(" selected") : Html(), label);
  };
  return html(
      R"(<form class="row" method="post" action="{}">{}
<input type="hidden" name="principal" value="{}">
<label><span class="vh">Role of {}</span>
<select name="role" autocomplete="off">{}{}{}{}</select></label>
<button aria-label="Save the role of {}">Save</button>
</form>)",
      action, visit.form_key(action), row.principal, row.name,
      option("", row.assigned.empty() ? cat("by default: ", shown) : std::string("by default")),
      option("contributor", "contributor"), option("viewer", "viewer"),
      option("no-access", "no access"), row.name);
}

Html roles_panel(Visit& visit, const store::Environment& env) {
  const auto rows = read_roles(visit, env);
  return html(
      R"(<section class="panel" aria-labelledby="who">
<div class="head"><h2 id="who">Who may do what in it</h2></div>
<table>
<thead><tr><th>Name</th><th>Role</th></tr></thead>
<tbody>
{}</tbody>
</table>
</section>
)",
      each(rows, [&](const RoleRow& row) {
        return html("<tr><th scope=\"row\">{}{}<small>{}</small></th><td>{}</td></tr>\n", row.name,
                    row.service ? tag("", "service user") : Html(), row.email,
                    role_cell(visit, env, row));
      }));
}

// Members who would have nothing there any more, now counted.
std::size_t losers(const Visit& visit, store::Environment env, const std::string& default_role) {
  env.restricted = true;
  env.default_role = default_role;
  const auto rows = read_roles(visit, env);
  return static_cast<std::size_t>(std::ranges::count_if(rows, [](const RoleRow& r) {
    return !r.service && r.role == rpc::EnvironmentRole::kNoAccess;
  }));
}

Question restrict_question(const Visit& visit, const store::Environment& env) {
  const std::size_t n = losers(visit, env, "no-access");
  return {.id = "restrict",
          .action = at_of(visit, env) + "/restrict",
          .title = html("Restrict {}?", env.name),
          .text = html(
              "{} it now, unless others keep a role by default. Those you give a role keep it.",
              n == 1   ? "1 person loses"
              : n == 0 ? "Nobody loses"
                       : cat(n, " people lose")),
          .keep = "Keep it open",
          .go = "Restrict environment",
          .more = select("default_role", "All other members",
                         {{"no-access", "no access: it does not exist for them"},
                          {"viewer", "viewer"},
                          {"contributor", "contributor"}},
                         "no-access")};
}

Question delete_question(const Visit& visit, const store::Environment& env) {
  const auto contents = visit.site.c.store.read(
      [&](store::View& view) { return store::count_contents(view, env.id); });
  const auto count = [](std::int64_t n, std::string_view one) {
    return n == 1 ? cat("1 ", one) : cat(n, " ", one, "s");
  };
  return {.id = "delete",
          .action = at_of(visit, env) + "/delete",
          .title = html("Delete {}?", env.name),
          .text = html("With it go {} and {}. This cannot be undone.", count(contents.apps, "app"),
                       count(contents.secrets, "secret")),
          .keep = "Keep it",
          .go = "Delete environment",
          .more = html("<label>Type its name, {}\n<input name=\"typed\" autocomplete=\"off\" "
                       "required spellcheck=\"false\"></label>\n",
                       env.name)};
}

Html actions(Visit& visit, const store::Environment& env) {
  const std::string at = at_of(visit, env), open = at + "/open", first = at + "/default";
  const Html access = env.restricted ? html(
                                           "<form method=\"post\" action=\"{}\">{}<button>Open to "
                                           "all members</button></form>\n",
                                           open, visit.form_key(open))
                                     : ask_button(visit, restrict_question(visit, env), "Restrict",
                                                  cat("Restrict ", env.name));
  const Html is_default = env.is_default ? Html()
                                         : html(
                                               "<form method=\"post\" action=\"{}\">{}<button>Make "
                                               "it the default</button></form>\n",
                                               first, visit.form_key(first));
  const Html remove = env.is_default ? Html()
                                     : ask_button(visit, delete_question(visit, env), "Delete",
                                                  cat("Delete ", env.name));
  return html("<div class=\"act\">{}{}{}</div>\n", is_default, access, remove);
}

void show(Visit& visit, int status, const store::Environment& env, const Errors& errors) {
  const bool manages = visit.person->manages();
  visit.page(
      status, cat(env.name, " · Environments"),
      html("<header>\n<div><p><a "
           "href=\"{}\">Environments</a></p><h1>{}{}{}</h1><p>{}</p></div>\n</header>\n",
           visit.place("/environments"), env.name, env.is_default ? tag("", "default") : Html(),
           env.restricted ? tag("info", "restricted") : Html(),
           env.restricted
               ? html("Others than those below have the role {} in it.", env.default_role)
               : html("All members are contributors here, unless they have another role below.")) +
          error_summary(errors) +
          (manages ? settings_panel(visit, env, errors) : facts_panel(visit, env)) +
          roles_panel(visit, env) + (manages ? actions(visit, env) : Html()) +
          cli_line(html("<code>modal environment update {}</code>", env.name)));
}

void remove(Visit& visit, const store::Environment& env) {
  if (visit.typed("typed") != env.name)
    return visit.refused({Code::kFailedPrecondition,
                          cat("What you typed is not ", env.name, ": nothing was deleted.")},
                         "delete environments");
  const auto contents = visit.site.c.store.read(
      [&](store::View& view) { return store::count_contents(view, env.id); });
  const Result<void> done = visit.change([&](store::Tx& tx) {
    return EnvironmentRules::remove(tx, visit.actor(), env, visit.site.c.keep_deleted);
  });
  if (!done) return visit.refused(done.error(), "delete environments");
  visit.site.c.sign_ins.remember_place(visit.cookie, visit.person->workspace, "");
  visit.done(
      flash("ok", html("Deleted <b>{}</b> with {} and {}.", env.name,
                       contents.apps == 1 ? "1 app" : cat(contents.apps, " apps"),
                       contents.secrets == 1 ? "1 secret" : cat(contents.secrets, " secrets"))),
      visit.place("/environments"));
}

void save(Visit& visit, const store::Environment& env) {
  store::Environment saved = env;
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(saved,
                     EnvironmentRules::update(tx, visit.actor(), env,
                                              {.name = visit.typed("name"),
                                               .web_suffix = visit.typed("suffix"),
                                               .image_builder_version = visit.typed("builder")}));
    return {};
  });
  if (!done &&
      (done.error().code == Code::kInvalidArgument || done.error().code == Code::kAlreadyExists))
    return show(visit, 400, env, {{"name", done.error().message}});
  if (!done) return visit.refused(done.error(), "change environments");
  visit.site.c.sign_ins.remember_place(visit.cookie, visit.person->workspace, saved.name);
  visit.done(flash("ok", html("Saved.")), at_of(visit, saved));
}

void change(Visit& visit, const store::Environment& env, const std::string& action) {
  if (action.empty()) return save(visit, env);
  if (action == "/delete") return remove(visit, env);
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    if (action == "/role")
      return EnvironmentRules::set_role(tx, visit.actor(), env, visit.typed("principal"),
                                        visit.typed("role"));
    if (action == "/default") return EnvironmentRules::make_default(tx, visit.actor(), env);
    TRY(EnvironmentRules::set_restricted(
        tx, visit.actor(), env, action == "/restrict",
        action == "/restrict" ? visit.typed("default_role", "no-access") : ""));
    return {};
  });
  if (!done) return visit.refused(done.error(), "change environments");
  const Html said =
      action == "/role"       ? html("The role is saved.")
      : action == "/default"  ? html("<b>{}</b> is the default environment now.", env.name)
      : action == "/restrict" ? html("<b>{}</b> is restricted now.", env.name)
                              : html("<b>{}</b> is open to all members now.", env.name);
  visit.done(flash("ok", said), at_of(visit, env));
}

}  // namespace

void one_environment(Visit& visit, const store::Environment& env, const std::string& action) {
  static constexpr std::string_view kActions[] = {"/restrict", "/open", "/default", "/role",
                                                  "/delete"};
  if (action.empty() && !visit.posted()) return show(visit, 200, env, {});
  if (!action.empty() && std::ranges::find(kActions, action) == std::end(kActions))
    return visit.not_found();
  if (!visit.needs_manager(action == "/delete" ? "delete environments" : "change environments"))
    return;
  if (visit.posted()) {
    if (visit.accept_form()) change(visit, env, action);
    return;
  }
  const std::string at = at_of(visit, env);
  if (action == "/restrict") return ask_page(visit, restrict_question(visit, env), at);
  if (action == "/delete") return ask_page(visit, delete_question(visit, env), at);
  visit.redirect(at);
}

}  // namespace ionian::gateway::pages
