#include <charconv>

#include "gateway/pages/pages.h"
#include "gateway/pages/secret_page.h"
#include "gateway/pages/token_rows.h"

namespace ionian::gateway::pages {
namespace {

std::vector<store::Environment> seen_environments(const Visit& visit) {
  const Person& me = *visit.person;
  const rpc::Caller as{.kind = rpc::CallerKind::kToken,
                       .workspace = me.workspace,
                       .environment = {},
                       .token = {},
                       .principal = me.user.id.str(),
                       .role = me.role};
  return visit.site.c.store.read([&](store::View& view) {
    auto all = store::list_environments(view, me.workspace);
    std::erase_if(all, [&](const store::Environment& e) {
      return services::AccessRules::role_in(view, as, e) == rpc::EnvironmentRole::kNoAccess;
    });
    return all;
  });
}

Html where(const Visit& visit) {
  std::vector<Choice> all;
  const auto environments = seen_environments(visit);
  all.reserve(environments.size());
  for (const store::Environment& e : environments)
    all.push_back({e.id.str(), e.name,
                   e.is_default   ? html("default")
                   : e.restricted ? html("restricted")
                                  : Html()});
  const bool some = visit.typed("scope") == "some";
  return html(R"(<fieldset>
<legend>Where</legend>
<div class="opts">
<label class="opt"><input type="radio" name="scope" value="all"{}> All environments I may see,
also later ones</label>
<label class="opt"><input type="radio" name="scope" value="some"{}> Only these</label>
{}</div>
</fieldset>
)",
              some ? Html() : html(" checked"), some ? html(" checked") : Html(),
              checks("env", all, ticked(visit, "env")));
}

Html role_choices(const Visit& visit) {
  const Person& me = *visit.person;
  std::vector<Choice> all = {{"", "All that I may",
                              html("You are {} of {}; it follows your role if that changes.",
                                   me.role_text, me.workspace_name)}};
  if (me.manages())
    all.push_back({"member", "Member",
                   html("Deploys, runs and stops apps; reads and writes storage. No change of "
                        "people or tokens.")});
  all.push_back({"viewer", "Viewer",
                 html("Reads apps, logs and lists. Starts nothing, sees no secret values.")});
  return choices("role", "May do", all, visit.typed("role"));
}

Html expiry_choice(const Visit& visit) {
  const auto in = [&](int days, std::string_view words) {
    return cat(words, " (", date_text(visit.now + 24h * days), ')');
  };
  return select("expires", "Expires",
                {{"30", in(30, "in 30 days")},
                 {"90", in(90, "in 90 days")},
                 {"365", in(365, "in a year")},
                 {"0", "never"}},
                visit.typed("expires", "90"), html("You can rotate it before then without a gap."));
}

void show(Visit& visit, int status, const Errors& errors) {
  const std::string up = visit.place("/tokens");
  const Html name =
      field({.name = "name",
             .label = "Name",
             .input = html(R"(autocomplete="off" required maxlength="64" spellcheck="false")"),
             .hint = html("Say what uses it and where: you will read it in the audit log."),
             .value = visit.typed("name")},
            errors);
  visit.page(status, "New token",
             page_head_below(up, "Tokens", "New token", {}) + error_summary(errors) +
                 html(R"(<form method="post" action="{}">
{}{}
{}{}{}{}<div class="act"><button class="primary">Create token</button><a class="button"
href="{}">Cancel</a></div>
</form>
)",
                      up, visit.form_key(up), visit.once_field(), name, role_choices(visit),
                      where(visit), expiry_choice(visit), up));
}

services::NewToken wanted_token(const Visit& visit) {
  services::NewToken wanted{.principal = visit.person->user.id.str(),
                            .name = visit.typed("name"),
                            .role = visit.typed("role")};
  wanted.scoped = visit.typed("scope") == "some";
  if (wanted.scoped)
    for (const std::string& id : ticked(visit, "env")) wanted.environments.emplace_back(id);
  const std::string days_text = visit.typed("expires", "90");
  int days = 90;
  std::from_chars(days_text.data(), days_text.data() + days_text.size(), days);
  if (days != 0) wanted.expires_at = visit.now + 24h * std::clamp(days, 1, 3650);
  return wanted;
}

Html what_it_is(const Visit& visit, const store::Token& token) {
  const TokenRow row =
      visit.site.c.store.read([&](store::View& view) { return row_of(view, token); });
  return html(
      "Acts as {} in {}, in your name, {}.", row.acts_as,
      row.environments == "all" ? "all environments" : row.environments,
      token.expires_at ? html("until {}", date_tag(*token.expires_at)) : html("without an end"));
}

}  // namespace

void token_new(Visit& visit) {
  if (!visit.posted()) return show(visit, 200, {});
  if (!visit.accept_form()) return;
  const std::string up = visit.place("/tokens");
  services::NewToken wanted = wanted_token(visit);
  // What one may not see is not there to be chosen.
  const auto seen = seen_environments(visit);
  for (const EnvironmentId& id : wanted.environments)
    if (std::ranges::find(seen, id, &store::Environment::id) == seen.end())
      return show(visit, 400, {{"", "One of the environments is not there any more."}});
  if (!first_time(visit, up, "Tokens")) return;
  services::TokenPair pair;
  std::optional<store::Token> token;
  const Result<void> made = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(pair, token_rules(visit).create(tx, visit.actor(), wanted));
    token = store::find_token(tx, pair.id);
    return {};
  });
  if (!made && made.error().code == Code::kInvalidArgument && wanted.scoped &&
      wanted.environments.empty())
    return show(visit, 400, {{"", made.error().message}});
  if (!made &&
      (made.error().code == Code::kInvalidArgument || made.error().code == Code::kAlreadyExists))
    return show(visit, made.error().code == Code::kAlreadyExists ? 409 : 400,
                {{"name", made.error().message}});
  if (!made) return visit.refused(made.error(), "create tokens");
  made_once(visit, wanted.name);
  show_secret(visit, {.name = wanted.name,
                      .what = what_it_is(visit, *token),
                      .up = up,
                      .up_name = "Tokens",
                      .id = pair.id.str(),
                      .secret = pair.secret});
}

}  // namespace ionian::gateway::pages
