#include "gateway/pages/pages.h"
#include "gateway/pages/parts.h"
#include "gateway/pages/words.h"
#include "services/link_rules.h"
#include "store/counts.h"
#include "store/tokens.h"

namespace ionian::gateway::pages {
namespace {

using services::LinkRules;
using services::MemberRules;

struct MemberRow {
  store::Member member;
  std::string environments, restricted;  // "all"; "research: viewer"
  std::optional<Time> active;
  std::size_t tokens = 0;
};

struct Lists {
  std::vector<MemberRow> members;
  std::vector<std::pair<store::Link, std::string>> invitations;  // with the inviter's name
};

const std::vector<Choice> kRoles = {
    {"member", "member"}, {"manager", "manager"}, {"owner", "owner"}};

// Those that who looks may give.
std::vector<Choice> roles_of(const Visit& visit) {
  std::vector<Choice> all = kRoles;
  if (visit.person->role != rpc::WorkspaceRole::kOwner) all.pop_back();
  return all;
}

MemberRow row_of(const Visit& visit, store::View& view, const store::Member& member,
                 const std::vector<store::Environment>& environments) {
  const WorkspaceId& workspace = visit.person->workspace;
  MemberRow row{.member = member,
                .active = store::last_token_use(view, workspace, member.user.str())};
  row.tokens = store::list_tokens(view, workspace, member.user.str()).size();
  const rpc::Caller as{.kind = rpc::CallerKind::kToken,
                       .workspace = workspace,
                       .environment = {},
                       .token = {},
                       .principal = member.user.str(),
                       .role = services::workspace_role_of(member.role)};
  bool all = true;
  for (const store::Environment& e : environments) {
    const auto role = services::AccessRules::role_in(view, as, e);
    all = all && role == rpc::EnvironmentRole::kContributor;
    if (role == rpc::EnvironmentRole::kNoAccess) continue;
    const std::string shown =
        role == rpc::EnvironmentRole::kViewer ? cat(e.name, ": viewer") : e.name;
    std::string& into = e.restricted ? row.restricted : row.environments;
    into += cat(into.empty() ? "" : ", ", shown);
  }
  if (all) row.environments = "all", row.restricted.clear();
  for (const auto& s : visit.site.c.sign_ins.sessions_of(visit.now, member.user, ""))
    row.active = std::max(row.active.value_or(s.used), s.used);
  return row;
}

Lists look(const Visit& visit) {
  const WorkspaceId& workspace = visit.person->workspace;
  return visit.site.c.store.read([&](store::View& view) {
    Lists lists;
    const auto environments = store::list_environments(view, workspace);
    for (const store::Member& m : store::list_members(view, workspace))
      lists.members.push_back(row_of(visit, view, m, environments));
    for (const store::Link& link : store::list_open_invitations(view, workspace, visit.now)) {
      const auto by = store::find_user(view, UserId(link.created_by));
      lists.invitations.emplace_back(link, by ? by->name : "the server");
    }
    return lists;
  });
}

bool may_touch(const Visit& visit, const store::Member& m) {
  const Person& me = *visit.person;
  return me.manages() && m.user != me.user.id &&
         (m.role != "owner" || me.role == rpc::WorkspaceRole::kOwner);
}

Question remove_question(const Visit& visit, const store::Member& m, std::size_t tokens) {
  return {
      .id = "rm-" + m.user.str(),
      .action = visit.place(cat("/members/", m.user, "/remove")),
      .title = html(words::kAskRemove, m.name, visit.person->workspace_name),
      .text = html("{} of theirs {} revoked. Their apps stay and keep running.",
                   tokens == 1 ? "1 token" : cat(tokens, " tokens"), tokens == 1 ? "is" : "are"),
      .keep = "Keep them",
      .go = "Remove member"};
}

Html member_row(Visit& visit, const MemberRow& row) {
  const store::Member& m = row.member;
  const std::string at = visit.place(cat("/members/", m.user));
  Html actions;
  if (may_touch(visit, m))
    actions = html(
        "<a class=\"button quiet\" href=\"{}/role\" aria-label=\"Change {}\">Change</a> {}", at,
        m.name,
        ask_button(visit, remove_question(visit, m, row.tokens), "Remove", cat("Remove ", m.name)));
  return html(
      R"(<tr><th scope="row">{}{}<small>{}</small></th><td data-l="Role">{}</td><td
data-l="Environments">{}{}</td>)"
      R"(<td data-l="Joined">{}</td><td data-l="Last active">{}</td><td class="do">{}</td></tr>
)",
      m.name, m.user == visit.person->user.id ? tag("", "you") : Html(), m.email, m.role,
      row.environments, row.restricted.empty() ? Html() : html("<small>{}</small>", row.restricted),
      date_tag(m.created_at), time_tag(visit.now, row.active, "never"), actions);
}

Html members_panel(Visit& visit, const Lists& lists) {
  const std::size_t n = lists.members.size();
  const std::size_t page = page_number(visit, n);
  Html rows;
  for (std::size_t i = (page - 1) * kPageRows; i < std::min(n, page * kPageRows); ++i)
    rows += member_row(visit, lists.members[i]);
  const Html alone =
      n == 1 && visit.person->manages() ? html("<p>{}</p>\n", html(words::kOnlyYou)) : Html();
  return alone + html(R"(<section class="panel" aria-labelledby="mem">
<div class="head"><h2 id="mem">{}</h2></div>
<table>
<thead><tr><th>Person</th><th>Role</th><th>Environments</th><th>Joined</th><th>Last
active</th><th><span class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
{}</section>
)",
                      n == 1 ? "1 member" : cat(n, " members"), rows,
                      pages_nav(visit, page, n, ""));
}

Html invitations_panel(Visit& visit, const Lists& lists) {
  if (lists.invitations.empty() || !visit.person->manages()) return {};
  const Html rows = each(lists.invitations, [&](const auto& entry) {
    const auto& [link, by] = entry;
    const std::string at = visit.place(cat("/members/invitations/", link.id)),
                      renew = at + "/renew", withdraw = at + "/withdraw";
    return html(
        R"(<tr><th scope="row">{}</th><td data-l="Role">{}</td><td data-l="Invited by">{},
{}</td><td data-l="Ends">{}</td>)"
        R"(<td class="do"><form class="act" method="post" action="{}">{}{}<button class="quiet"
aria-label="New link for {}">New link</button></form> )"
        R"(<form class="act" method="post" action="{}">{}<button class="quiet danger"
aria-label="Withdraw the invitation of {}">Withdraw</button></form></td></tr>
)",
        link.email, link.role, by, time_tag(visit.now, link.created_at),
        time_tag(visit.now, link.expires_at), renew, visit.form_key(renew), visit.once_field(),
        link.email, withdraw, visit.form_key(withdraw), link.email);
  });
  return html(R"(<section class="panel" aria-labelledby="pend">
<div class="head"><h2 id="pend">{}</h2></div>
<table>
<thead><tr><th>For</th><th>Role</th><th>Invited by</th><th>Ends</th><th><span
class="vh">Actions</span></th></tr></thead>
<tbody>
{}</tbody>
</table>
</section>
)",
              lists.invitations.size() == 1 ? "1 open invitation"
                                            : cat(lists.invitations.size(), " open invitations"),
              rows);
}

Html invite_panel(Visit& visit, const Errors& errors) {
  if (!visit.person->manages()) return {};
  const std::string action = visit.place("/members/invite");
  const Html email = field(
      {.name = "email",
       .label = "Email",
       .input = html(R"(type="email" autocomplete="off" required placeholder="name@example.com")"),
       .value = visit.typed("email")},
      errors);
  return html(R"(<section class="panel" aria-labelledby="inv">
<div class="head"><h2 id="inv">Invite somebody</h2></div>
<form class="row head" method="post" action="{}">{}{}
{}{}<button class="primary">Make invitation link</button>
<small>No mail is sent: you get a link to pass on. It works once and for 7 days.</small>
</form>
</section>
)",
              action, visit.form_key(action), visit.once_field(), email,
              select("role", "Role", roles_of(visit), visit.typed("role", "member")));
}

void show(Visit& visit, int status, const Errors& errors) {
  const Lists lists = look(visit);
  const std::string& ws = visit.person->workspace_name;
  visit.page(
      status, cat("Members · ", ws),
      page_head(
          "Members",
          html("People of {}. Owners and managers invite and change; everybody may read this list.",
               ws)) +
          error_summary(errors) + invite_panel(visit, errors) + members_panel(visit, lists) +
          invitations_panel(visit, lists) +
          cli_line(html("<code>modal workspace members list --json</code>")));
}

// The page that shows a one-time link, which is a secret too.
void show_link(Visit& visit, std::string_view page, const services::MadeLink& made) {
  const std::string url = cat(visit.site.c.public_url, page, "?key=", made.key);
  visit.page(
      200, "Link made",
      page_head_below(visit.place("/members"), "Members", "The link is ready",
                      html(words::kPassLink, made.link.email, date_text(made.link.expires_at))) +
          html(R"(<section class="panel" aria-label="The link">
<div class="pad">{}<p><small>It is shown only this once. Whoever has it can use it: pass it on
where only they read it.</small></p></div>
</section>
<div class="act"><a class="button primary" href="{}">I have passed it on</a></div>
)",
               copy_line("link", "the link", plain(url)), visit.place("/members")));
}

// A form that makes a link works once, like all that show a secret.
bool first_link(Visit& visit) {
  if (!visit.site.c.sign_ins.claim_once(visit.cookie, visit.typed("once"))) return true;
  visit.done(
      flash("warn", html("The link was shown once already. Make a new one if it was not kept.")),
      visit.place("/members"));
  return false;
}

template <class Make>
void make_link(Visit& visit, std::string_view page, std::string_view doing, Make make) {
  if (!first_link(visit)) return;
  Result<services::MadeLink> made = fail(Code::kInternal, "nothing was written");
  const Result<void> written = visit.change([&](store::Tx& tx) -> Result<void> {
    made = make(tx, LinkRules(visit.site.c.random, visit.site.c.key));
    if (!made) return std::unexpected(made.error());
    return {};
  });
  if (written) return show_link(visit, page, *made);
  const Status& error = written.error();
  const bool typed = page == "/invite" &&
                     (error.code == Code::kInvalidArgument || error.code == Code::kAlreadyExists);
  if (typed) return show(visit, 400, {{"email", error.message}});
  visit.refused(error, doing);
}

void invitation_action(Visit& visit, const std::string& rest) {
  const std::size_t slash = rest.find('/');
  const store::LinkId id(rest.substr(0, slash));
  const std::string action = slash == std::string::npos ? "" : rest.substr(slash);
  if (!visit.posted() || (action != "/renew" && action != "/withdraw")) return visit.not_found();
  if (!visit.accept_form()) return;
  if (action == "/renew")
    return make_link(
        visit, "/invite", "invite members",
        [&](store::Tx& tx, const LinkRules& rules) { return rules.renew(tx, visit.actor(), id); });
  std::string email;
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    ASSIGN_OR_RETURN(const store::Link link, LinkRules::withdraw(tx, visit.actor(), id));
    email = link.email;
    return {};
  });
  if (!done) return visit.refused(done.error(), "withdraw invitations");
  visit.done(flash("ok", html("The invitation of {} is withdrawn.", email)),
             visit.place("/members"));
}

void ask_role(Visit& visit, const store::Member& m) {
  const std::string at = visit.place(cat("/members/", m.user)), action = at + "/role",
                    link = at + "/password";
  const Html roles = choices(
      "role", "Role",
      {{"member", "Member",
        html("Deploys, runs and stops apps. No change of people or environments.")},
       {"manager", "Manager",
        html("The same, and changes people, service users, environments and proxy tokens.")},
       {"owner", "Owner", html("All of it, other owners too.")}},
      m.role);
  visit.page(200, "Change a member",
             page_head_below(visit.place("/members"), "Members", m.name,
                             html("{} is <b>{}</b> of {} now.", m.email, m.role,
                                  visit.person->workspace_name)) +
                 html(R"(<form method="post" action="{}">{}
{}<div class="act"><button class="primary">Change role</button><a class="button" href="{}">Keep
{}</a></div>
</form>
<section class="panel" aria-labelledby="pw">
<div class="head"><h2 id="pw">New password</h2></div>
<form class="pad" method="post" action="{}">{}{}
<p>Somebody who cannot sign in any more gets a link from you, by which they choose a new
password. It works once and for 7 days.</p>
<div class="act"><button>Make password link</button></div>
</form>
</section>
)",
                      action, visit.form_key(action), roles, visit.place("/members"), m.role, link,
                      visit.form_key(link), visit.once_field()));
}

void change_member(Visit& visit, const store::Member& m, const std::string& action) {
  if (action == "/password")
    return make_link(visit, "/password", "make password links",
                     [&](store::Tx& tx, const LinkRules& rules) {
                       return rules.new_password(tx, visit.actor(), m.user);
                     });
  std::int64_t tokens = 0;
  const std::string role = visit.typed("role");
  const Result<void> done = visit.change([&](store::Tx& tx) -> Result<void> {
    if (action == "/role") {
      TRY(MemberRules::change_role(tx, visit.actor(), m.user, role));
      return {};
    }
    ASSIGN_OR_RETURN(const services::RemovedMember removed,
                     MemberRules::remove(tx, visit.actor(), m.user));
    tokens = removed.tokens;
    return {};
  });
  if (!done)
    return visit.refused(done.error(), action == "/role" ? "change roles" : "remove members");
  visit.site.c.sign_ins.renew_sessions_of(m.user);
  if (action == "/role")
    return visit.done(flash("ok", html("<b>{}</b> is now {}.", m.name, role)),
                      visit.place("/members"));
  visit.done(flash("ok", html("Removed <b>{}</b>, {} revoked.", m.name,
                              tokens == 1 ? "1 token" : cat(tokens, " tokens"))),
             visit.place("/members"));
}

void one_member(Visit& visit, const UserId& id, const std::string& action) {
  const auto all = look(visit).members;
  const auto row = std::ranges::find(all, id, [](const MemberRow& r) { return r.member.user; });
  if (row == all.end() || (action != "/role" && action != "/remove" && action != "/password"))
    return visit.not_found();
  if (visit.posted()) {
    if (visit.accept_form()) change_member(visit, row->member, action);
    return;
  }
  if (action == "/role") return ask_role(visit, row->member);
  if (action == "/remove")
    return ask_page(visit, remove_question(visit, row->member, row->tokens),
                    visit.place("/members"));
  visit.redirect(visit.place(cat("/members/", id, "/role")));
}

}  // namespace

void members(Visit& visit, const std::string& rest) {
  if (rest.empty()) return visit.posted() ? visit.not_found() : show(visit, 200, {});
  if (!visit.needs_manager(rest.ends_with("/remove") ? "remove members"
                           : rest.ends_with("/role") ? "change roles"
                                                     : "invite members"))
    return;
  if (rest == "/invite") {
    if (!visit.posted()) return visit.redirect(visit.place("/members"));
    if (!visit.accept_form()) return;
    return make_link(
        visit, "/invite", "invite members", [&](store::Tx& tx, const LinkRules& rules) {
          return rules.invite(tx, visit.actor(), visit.typed("email"), visit.typed("role"));
        });
  }
  if (rest.starts_with("/invitations/")) return invitation_action(visit, rest.substr(13));
  const std::size_t slash = rest.find('/', 1);
  one_member(visit, UserId(rest.substr(1, slash - 1)),
             slash == std::string::npos ? "" : rest.substr(slash));
}

}  // namespace ionian::gateway::pages
