#include "gateway/pages/pages.h"
#include "gateway/pages/token_rows.h"
#include "gateway/pages/words.h"

namespace ionian::gateway::pages {

TokenRow row_of(store::View& view, const store::Token& token) {
  TokenRow row{.token = token, .acts_as = token.role};
  if (const auto user = store::find_user(view, UserId(token.principal))) {
    row.owner = user->name;
    if (row.acts_as.empty()) row.acts_as = store::member_role(view, token.workspace, user->id);
  } else if (const auto service =
                 store::find_service_user(view, token.workspace, token.principal)) {
    row.owner = service->name;
    if (row.acts_as.empty()) row.acts_as = "service user";
  }
  if (!token.scoped) row.environments = "all";
  for (const EnvironmentId& id : token.environments)
    if (const auto env = store::find_environment_by_id(view, token.workspace, id))
      row.environments += cat(row.environments.empty() ? "" : ", ", env->name);
  if (row.environments.empty()) row.environments = "none any more";
  return row;
}

services::TokenRules token_rules(const Visit& visit) {
  const services::Context& c = visit.site.c;
  return {c.identity, c.random, c.key};
}

Question revoke_question(const Visit& visit, const store::Token& token) {
  const std::string id = token.id.str(), name = tamed(token.name, 64);
  return {.id = "rv-" + id,
          .action = visit.place(cat("/tokens/", id, "/revoke")),
          .title = html(words::kAskRevoke, name),
          .text = html(words::kAskRevokeWhy, id),
          .keep = "Keep it",
          .go = "Revoke token"};
}

Html token_tags(const store::Token& token, Time now) {
  Html tags;
  if (token.disabled_at) tags += tag("warn", "disabled");
  if (token.former_until && *token.former_until > now) tags += tag("", "rotating");
  if (token.expires_at && *token.expires_at > now && *token.expires_at - now < 7 * 24h)
    tags += tag("warn", cat("expires in ", words_for(*token.expires_at - now)));
  return tags;
}

Html expiry(const store::Token& token, Time now) {
  Html text = time_tag(now, token.expires_at, "never");
  if (token.former_until && *token.former_until > now)
    text += html(" <small>old secret ends {}</small>", time_tag(now, *token.former_until));
  return text;
}

Html last_use(const store::Token& token, Time now) {
  if (!token.last_used_at)
    return html("never <small>made {}</small>", time_tag(now, token.created_at));
  return html("{} <small>{}</small>", time_tag(now, *token.last_used_at), token.last_address);
}

namespace {

enum class Tab { kMine, kAll, kEnded };

struct Lists {
  std::vector<TokenRow> rows;
  std::size_t mine = 0, all = 0, ended = 0;
};

constexpr std::size_t kEndedMax = 1000;

bool alive(const store::Token& token, Time now) {
  return !token.expires_at || *token.expires_at > now;
}

Lists look(const Visit& visit, Tab tab) {
  const Person& me = *visit.person;
  return visit.site.c.store.read([&](store::View& view) {
    auto own = store::list_tokens(view, me.workspace, me.user.id.str());
    std::erase_if(own, [&](const auto& t) { return !alive(t, visit.now); });
    std::vector<store::Token> all = own;
    if (me.manages()) {
      all = store::list_tokens(view, me.workspace, "");
      std::erase_if(all, [&](const auto& t) { return !alive(t, visit.now); });
    }
    const auto ended = store::list_ended_tokens(
        view, me.workspace, me.manages() ? "" : me.user.id.str(), visit.now, kEndedMax);
    const auto& wanted = tab == Tab::kMine ? own : tab == Tab::kAll ? all : ended;
    Lists lists{.rows = {}, .mine = own.size(), .all = all.size(), .ended = ended.size()};
    const std::size_t page = page_number(visit, wanted.size());
    for (std::size_t i = (page - 1) * kPageRows; i < std::min(wanted.size(), page * kPageRows); ++i)
      lists.rows.push_back(row_of(view, wanted[i]));
    return lists;
  });
}

Html live_row(Visit& visit, const TokenRow& row, Tab tab) {
  const store::Token& token = row.token;
  const std::string id = token.id.str(), name = tamed(token.name, 64),
                    at = visit.place(cat("/tokens/", id));
  const Html owner = tab == Tab::kAll ? html("<small>{}</small>", row.owner) : Html();
  return html(
      R"(<tr><th scope="row"><a href="{}">{}</a>{}<small><code>{}</code></small></th><td
data-l="Acts as">{}{}</td>)"
      R"(<td data-l="Environments">{}</td><td data-l="Last used">{}</td><td
data-l="Expires">{}</td>)"
      R"(<td class="do"><a class="button quiet" href="{}/rotate" aria-label="Rotate
{}">Rotate</a> {}</td></tr>
)",
      at, name, token_tags(token, visit.now), id, row.acts_as, owner, row.environments,
      last_use(token, visit.now), expiry(token, visit.now), at, name,
      ask_button(visit, revoke_question(visit, token), "Revoke", cat("Revoke ", name)));
}

Html ended_row(Visit& visit, const TokenRow& row) {
  const store::Token& token = row.token;
  const std::string id = token.id.str();
  const Html how = token.revoked_at ? html("revoked {}", time_tag(visit.now, *token.revoked_at))
                                    : html("expired {}", time_tag(visit.now, *token.expires_at));
  return html(
      R"(<tr><th scope="row"><a href="{}">{}</a><small><code>{}</code></small></th><td
data-l="Acted as">{}<small>{}</small></td>)"
      R"(<td data-l="Environments">{}</td><td data-l="Last used">{}</td><td
data-l="Ended">{}</td></tr>
)",
      visit.place(cat("/tokens/", id)), tamed(token.name, 64), id, row.acts_as, row.owner,
      row.environments, last_use(token, visit.now), how);
}

Html tabs(const Visit& visit, const Lists& lists, Tab tab) {
  const auto link = [&](Tab to, std::string_view of, std::string_view name, std::size_t n) {
    return html("<a href=\"{}?of={}\"{}>{} {}</a>\n", visit.place("/tokens"), of,
                to == tab ? html(" aria-current=\"page\"") : Html(), name, n);
  };
  const Html all =
      visit.person->manages() ? link(Tab::kAll, "all", "Everyone’s", lists.all) : Html();
  return html("<nav class=\"tabs\" aria-label=\"Which tokens\">\n{}{}{}</nav>\n",
              link(Tab::kMine, "mine", "Mine", lists.mine), all,
              link(Tab::kEnded, "ended", "Ended", lists.ended));
}

Html table(Visit& visit, const Lists& lists, Tab tab) {
  const bool ended = tab == Tab::kEnded;
  const std::string_view label = ended              ? "Ended tokens"
                                 : tab == Tab::kAll ? "Everyone’s tokens"
                                                    : "My tokens";
  if (lists.rows.empty())
    return empty_panel(label, ended ? html("No token has ended.") : html(words::kNoTokens));
  const std::size_t rows = ended ? lists.ended : tab == Tab::kAll ? lists.all : lists.mine;
  const std::string_view of = ended ? "of=ended&" : tab == Tab::kAll ? "of=all&" : "of=mine&";
  const Html last = ended ? html("<th>Ended</th>")
                          : html("<th>Expires</th><th><span class=\"vh\">Actions</span></th>");
  return html(R"(<section class="panel" aria-label="{}">
<table>
<thead><tr><th>Token</th><th>{}</th><th>Environments</th><th>Last used</th>{}</tr></thead>
<tbody>
{}</tbody>
</table>
{}</section>
)",
              label, ended ? "Acted as" : "Acts as", last,
              each(lists.rows,
                   [&](const TokenRow& row) {
                     return ended ? ended_row(visit, row) : live_row(visit, row, tab);
                   }),
              pages_nav(visit, page_number(visit, rows), rows, of));
}

void list(Visit& visit) {
  const std::string of = visit.query.contains("of") ? visit.query["of"] : "mine";
  if (of == "all" && !visit.needs_manager("see everyone’s tokens")) return;
  const Tab tab = of == "ended" ? Tab::kEnded : of == "all" ? Tab::kAll : Tab::kMine;
  const Lists lists = look(visit, tab);
  const Html action =
      html("<a class=\"button primary\" href=\"{}\">New token</a>\n", visit.place("/tokens/new"));
  visit.page(200, cat("Tokens · ", visit.person->workspace_name),
             page_head("Tokens",
                       html("A token lets a program act as you: never more than you may, and less "
                            "if you say so."),
                       action) +
                 tabs(visit, lists, tab) + table(visit, lists, tab) +
                 cli_line(html(
                     "<code>modal workspace member-tokens list</code>, <code>modal setup</code>")));
}

}  // namespace

void tokens(Visit& visit, const std::string& rest) {
  if (rest.empty()) return visit.posted() ? token_new(visit) : list(visit);
  if (rest == "/new") return visit.posted() ? visit.not_found() : token_new(visit);
  const std::size_t slash = rest.find('/', 1);
  one_token(visit, rest.substr(1, slash - 1), slash == std::string::npos ? "" : rest.substr(slash));
}

}  // namespace ionian::gateway::pages
