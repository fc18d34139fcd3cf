#include "services/proxy_token_rules.h"

#include "gateway/pages/pages.h"
#include "gateway/pages/secret_page.h"
#include "gateway/pages/words.h"

namespace ionian::gateway::pages {
namespace {

using services::ProxyTokenRules;

struct Row {
  store::ProxyToken token;
  std::vector<EnvironmentId> environments;
  std::string opens, made_by;
};

Row row_of(store::View& view, const store::ProxyToken& token) {
  Row row{.token = token,
          .environments = store::environments_of_proxy_token(view, token.id),
          .opens = "all environments",
          .made_by = "somebody who is gone"};
  if (token.scoped) row.opens = "";
  for (const EnvironmentId& id : row.environments)
    if (const auto env =
            token.scoped ? store::find_environment_by_id(view, token.workspace, id) : std::nullopt)
      row.opens += cat(row.opens.empty() ? "" : ", ", env->name);
  if (row.opens.empty()) row.opens = "nothing yet";
  if (const auto user = store::find_user(view, UserId(token.created_by))) row.made_by = user->name;
  return row;
}

std::vector<Row> look(const Visit& visit) {
  return visit.site.c.store.read([&](store::View& view) {
    std::vector<Row> rows;
    for (const store::ProxyToken& token :
         store::list_proxy_tokens(view, visit.person->workspace, std::nullopt))
      rows.push_back(row_of(view, token));
    return rows;
  });
}

std::string name_of(const store::ProxyToken& token) {
  return token.name.empty() ? token.id.str() : tamed(token.name, 64);
}

Question delete_question(const Visit& visit, const store::ProxyToken& token) {
  return {.id = "rm-" + token.id.str(),
          .action = visit.place(cat("/proxy-tokens/", token.id, "/delete")),
          .title = html("Delete {}?", name_of(token)),
          .text = html(
              "Requests with <code>{}</code> get 401 from the next one on. This cannot be undone.",
              token.id),
          .keep = "Keep it",
          .go = "Delete proxy token"};
}

Html list_row(Visit& visit, const Row& row) {
  const store::ProxyToken& token = row.token;
  const std::string at = visit.place(cat("/proxy-tokens/", token.id)), name = name_of(token);
  Html actions;
  if (visit.person->manages())
    actions = html(
        "<a class=\"button quiet\" href=\"{}\" aria-label=\"Change {}\">Change</a> {}", at, name,
        ask_button(visit, delete_question(visit, token), "Delete", cat("Delete ", name)));
  const Html title =
      visit.person->manages() ? html("<a href=\"{}\">{}</a>", at, name) : plain(name);
  return html(
      R"(<tr><th scope="row">{}<small><code>{}</code></small></th><td data-l="Opens">{}</td><td
data-l="Last used">{}</td>)"
      R"(<td data-l="Made by">{}<small>{}</small></td><td class="do">{}</td></tr>
)",
      title, token.id, row.opens, time_tag(visit.now, token.last_used_at, "never"), row.made_by,
      date_tag(token.created_at), actions);
}

constexpr std::string_view kCurl = "curl URL -H \"Modal-Key: $KEY\" -H \"Modal-Secret: $SECRET\"";
constexpr std::string_view kPython =
    "requests.post(url, headers={\"Modal-Key\": key, \"Modal-Secret\": secret})";
constexpr std::string_view kJavaScript =
    "await fetch(url, { headers: { \"Modal-Key\": key, \"Modal-Secret\": secret } })";

Html how_to_call() {
  return html(R"(<section class="panel" aria-labelledby="use">
<div class="head"><h2 id="use">How a caller uses one</h2></div>
<div class="pad">
<p>Two headers with every request. A wrong or deleted key gets <b>401</b> and never reaches your
code.</p>
<fieldset class="langs">
<legend class="vh">Language</legend>
<label><input type="radio" name="lang" checked>curl</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
<label><input type="radio" name="lang">Python</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
<label><input type="radio" name="lang">JavaScript</label>
<div><pre tabindex="0"><code>{}</code></pre></div>
</fieldset>
</div>
</section>
)",
              kCurl, kPython, kJavaScript);
}

void list(Visit& visit) {
  const auto rows = look(visit);
  const std::size_t page = page_number(visit, rows.size());
  Html body;
  for (std::size_t i = (page - 1) * kPageRows; i < std::min(rows.size(), page * kPageRows); ++i)
    body += list_row(visit, rows[i]);
  const Html table = rows.empty() ? empty_panel("Proxy tokens", html(words::kNoProxyTokens))
                                  : html(R"(<section class="panel" aria-label="Proxy tokens">
<table>
<thead><tr><th>Name</th><th>Opens</th><th>Last used</th><th>Made by</th><th><span
class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
{}</section>
)",
                                         body, pages_nav(visit, page, rows.size(), ""));
  const Html action = visit.person->manages()
                          ? html("<a class=\"button primary\" href=\"{}\">New proxy token</a>\n",
                                 visit.place("/proxy-tokens/new"))
                          : Html();
  visit.page(200, cat("Proxy tokens · ", visit.person->workspace_name),
             page_head("Proxy tokens",
                       html("Keys for callers of web endpoints that ask for them. They open "
                            "nothing else: not the API, not these pages."),
                       action) +
                 table + how_to_call() +
                 cli_line(html("<code>modal workspace proxy-tokens list</code>, <code>… create "
                               "--name NAME</code>")));
}

std::vector<store::Environment> all_environments(const Visit& visit) {
  return visit.site.c.store.read(
      [&](store::View& view) { return store::list_environments(view, visit.person->workspace); });
}

Html environment_checks(const Visit& visit, const std::vector<std::string>& now) {
  std::vector<Choice> all;
  const auto environments = all_environments(visit);
  all.reserve(environments.size());
  for (const store::Environment& e : environments)
    all.push_back({e.id.str(), e.name, e.restricted ? html("restricted") : Html()});
  return checks("env", all, now);
}

Html name_field(const Visit& visit, const std::string& now, const Errors& errors) {
  return field({.name = "name",
                .label = "Name",
                .input = html(R"(autocomplete="off" required maxlength="64" spellcheck="false")"),
                .hint = html("Who calls with it: a site, a partner."),
                .value = visit.typed("name", now)},
               errors);
}

void show_new(Visit& visit, int status, const Errors& errors) {
  const std::string up = visit.place("/proxy-tokens");
  const bool some = visit.typed("scope", "some") == "some";
  visit.page(status, "New proxy token",
             page_head_below(up, "Proxy tokens", "New proxy token", {}) + error_summary(errors) +
                 html(R"(<form method="post" action="{}">{}{}
{}<fieldset>
<legend>Opens</legend>
<div class="opts">
<label class="opt"><input type="radio" name="scope" value="all"{}> Endpoints of all environments,
also later ones</label>
<label class="opt"><input type="radio" name="scope" value="some"{}> Only of these</label>
{}</div>
</fieldset>
<div class="act"><button class="primary">Create proxy token</button><a class="button"
href="{}">Cancel</a></div>
</form>
)",
                      up, visit.form_key(up), visit.once_field(), name_field(visit, "", errors),
                      some ? Html() : html(" checked"), some ? html(" checked") : Html(),
                      environment_checks(visit, ticked(visit, "env")), up));
}

void create(Visit& visit) {
  const std::string up = visit.place("/proxy-tokens");
  services::NewProxyToken wanted{.name = visit.typed("name"),
                                 .scoped = visit.typed("scope", "some") == "some"};
  if (wanted.name.empty())
    return show_new(visit, 400, {{"name", "Write a name of 1 to 64 characters."}});
  if (wanted.scoped)
    for (const std::string& id : ticked(visit, "env")) wanted.environments.emplace_back(id);
  if (!first_time(visit, up, "Proxy tokens")) return;
  services::MadeProxyToken made;
  const Result<void> written = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(made, ProxyTokenRules::create(tx, visit.actor(), visit.site.c.random,
                                                   visit.site.c.key, wanted));
    return {};
  });
  if (!written && written.error().code == Code::kInvalidArgument)
    return show_new(visit, 400, {{"name", written.error().message}});
  if (!written) return visit.refused(written.error(), "create proxy tokens");
  made_once(visit, wanted.name);
  const std::string opens =
      visit.site.c.store.read([&](store::View& view) { return row_of(view, made.token).opens; });
  show_secret(visit, {.name = wanted.name,
                      .what = html("For callers of web endpoints. Opens: {}.", opens),
                      .up = up,
                      .up_name = "Proxy tokens",
                      .id = made.token.id.str(),
                      .secret = made.secret,
                      .proxy = true});
}

void show_one(Visit& visit, int status, const store::ProxyToken& token, const Errors& errors) {
  const std::string at = visit.place(cat("/proxy-tokens/", token.id)), allow = at + "/environments",
                    name = name_of(token);
  const Row row = visit.site.c.store.read([&](store::View& view) { return row_of(view, token); });
  std::vector<std::string> now;
  now.reserve(row.environments.size());
  for (const EnvironmentId& id : row.environments) now.push_back(id.str());
  const Html where = token.scoped
                         ? html(R"(<section class="panel" aria-labelledby="opens">
<div class="head"><h2 id="opens">Opens endpoints of</h2></div>
<form class="pad" method="post" action="{}">{}
<div class="opts">
{}</div>
<div class="act"><button class="primary">Save</button></div>
</form>
</section>
)",
                                allow, visit.form_key(allow), environment_checks(visit, now))
                         : Html();
  visit.page(
      status, cat(name, " · Proxy tokens"),
      page_head_below(visit.place("/proxy-tokens"), "Proxy tokens", name,
                      html("<code>{}</code> opens {}.", token.id, row.opens)) +
          error_summary(errors) +
          html(R"(<section class="panel" aria-labelledby="rename">
<div class="head"><h2 id="rename">Name</h2></div>
<form class="pad" method="post" action="{}">{}
{}<div class="act"><button class="primary">Rename</button></div>
</form>
</section>
{}<div class="act">{}</div>
)",
               at, visit.form_key(at), name_field(visit, token.name, errors), where,
               ask_button(visit, delete_question(visit, token), "Delete", cat("Delete ", name))));
}

Result<void> set_environments(store::Tx& tx, const Visit& visit, const store::ProxyToken& token) {
  const auto now = store::environments_of_proxy_token(tx, token.id);
  const auto wanted = ticked(visit, "env");
  for (const std::string& id : wanted)
    if (std::ranges::find(now, EnvironmentId(id)) == now.end())
      TRY(ProxyTokenRules::allow(tx, visit.actor(), token.id.str(), EnvironmentId(id)));
  for (const EnvironmentId& id : now)
    if (std::ranges::find(wanted, id.str()) == wanted.end())
      TRY(ProxyTokenRules::take(tx, visit.actor(), token.id.str(), id));
  return {};
}

void change(Visit& visit, const store::ProxyToken& token, const std::string& action) {
  const std::string at = visit.place(cat("/proxy-tokens/", token.id)), wanted = visit.typed("name");
  if (action.empty() && wanted.empty())
    return show_one(visit, 400, token, {{"name", "Write a name of 1 to 64 characters."}});
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    if (action == "/environments") return set_environments(tx, visit, token);
    if (action == "/delete") {
      TRY(ProxyTokenRules::remove(tx, visit.actor(), token.id.str()));
    } else {
      TRY(ProxyTokenRules::rename(tx, visit.actor(), token.id.str(), wanted));
    }
    return {};
  });
  if (!done && done.error().code == Code::kInvalidArgument)
    return show_one(visit, 400, token, {{"name", done.error().message}});
  if (!done) return visit.refused(done.error(), "change proxy tokens");
  if (action == "/delete")
    return visit.done(flash("ok", html("Deleted <b>{}</b>.", name_of(token))),
                      visit.place("/proxy-tokens"));
  visit.done(flash("ok", html("Saved.")), at);
}

}  // namespace

void proxy_tokens(Visit& visit, const std::string& rest) {
  if (rest.empty() && !visit.posted()) return list(visit);
  if (!visit.needs_manager(rest.empty() || rest == "/new" ? "create proxy tokens"
                                                          : "change proxy tokens"))
    return;
  if (rest.empty()) {
    if (visit.accept_form()) create(visit);
    return;
  }
  if (rest == "/new") return visit.posted() ? visit.not_found() : show_new(visit, 200, {});
  const std::size_t slash = rest.find('/', 1);
  const std::string action = slash == std::string::npos ? "" : rest.substr(slash);
  const auto token = visit.site.c.store.read([&](store::View& view) {
    return ProxyTokenRules::find(view, visit.actor(), rest.substr(1, slash - 1));
  });
  if (!token || (!action.empty() && action != "/delete" && action != "/environments"))
    return visit.not_found();
  if (visit.posted()) {
    if (visit.accept_form()) change(visit, *token, action);
    return;
  }
  if (action.empty()) return show_one(visit, 200, *token, {});
  if (action == "/delete")
    return ask_page(visit, delete_question(visit, *token), visit.place("/proxy-tokens"));
  visit.redirect(visit.place(cat("/proxy-tokens/", token->id)));
}

}  // namespace ionian::gateway::pages
