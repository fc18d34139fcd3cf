#include "gateway/pages/pages.h"

#include <algorithm>

#include "gateway/gateway.h"
#include "gateway/pages/parts.h"
#include "gateway/pages/static_files.h"

namespace ionian::gateway::pages {
namespace {

// Who is signed in, and where they were last. The look-ups are the same whether that place is still
// theirs.
std::optional<Person> look_up(const Visit& visit) {
  return visit.site.c.store.read([&](store::View& view) -> std::optional<Person> {
    const auto user = store::find_user(view, visit.session->user);
    if (!user) return std::nullopt;
    return Person{.user = *user,
                  .theme = store::theme_of(view, user->id),
                  .memberships = store::list_memberships(view, user->id)};
  });
}

void stand_in(Visit& visit, const store::Membership& membership) {
  Person& me = *visit.person;
  me.workspace = membership.workspace;
  me.workspace_name = membership.name;
  me.role_text = membership.role;
  me.role = services::workspace_role_of(membership.role);
  me.environment = visit.session->workspace == me.workspace ? visit.session->environment : "";
  if (!me.environment.empty()) return;
  const auto first = visit.site.c.store.read(
      [&](store::View& view) { return store::find_environment(view, me.workspace, ""); });
  if (first) me.environment = first->name;
}

// The last workspace, or the first one.
void stand_somewhere(Visit& visit) {
  const auto& all = visit.person->memberships;
  if (all.empty()) return;
  const auto last = std::ranges::find(all, visit.session->workspace, &store::Membership::workspace);
  stand_in(visit, last == all.end() ? all.front() : *last);
}

void nowhere(Visit& visit) {
  visit.page(200, "No workspace",
             page_head("You are in no workspace",
                       html("Ask an owner or manager of one for an "
                            "invitation link, and open it while you are signed in.")));
}

bool below(const std::string& path, std::string_view start) {
  return path.starts_with(start) && (path.size() == start.size() || path[start.size()] == '/');
}

}  // namespace

Route Pages::route() {
  return {.prefix = "/", .handle = [this](Exchange& exchange) { handle(exchange); }};
}

// A page that was reached by a name that is not ours may be a stranger's, pointed at us (DNS
// rebinding).
bool Pages::host_is_ours(const Exchange& exchange) const {
  return std::ranges::find(site_.hosts, exchange.field("Host")) != site_.hosts.end();
}

void Pages::set_server_url(std::string url) {
  std::lock_guard lock(mutex_);
  server_url_ = std::move(url);
}

void Pages::handle(Exchange& exchange) {
  if (!host_is_ours(exchange))
    return exchange.reply(421, "text/plain; charset=utf-8",
                          "this server is not known by that name; start it with --public-url\n");
  Visit visit(site_, exchange);
  if (const StaticFile* file = find_static(visit.path))
    return exchange.reply(200, file->type, std::string(file->content),
                          {{"Cache-Control", "public, max-age=31536000, immutable"}});
  {
    std::lock_guard lock(mutex_);
    visit.server_url = server_url_;
  }
  if (visit.signed_in()) {
    visit.person = look_up(visit);
    if (!visit.person) visit.session.reset();
  }
  if (visit.person) stand_somewhere(visit);
  // Not with a form: its key belongs to the former value.
  if (visit.person && visit.session->renew && !visit.posted())
    visit.set_cookie(site_.c.sign_ins.renew_session(visit.cookie));
  if (visit.method != "GET" && !visit.posted())
    return visit.bare(405, "Not possible", html("<h1>Pages know GET and POST only.</h1>\n"));
  if (visit.path == "/sign-in") return sign_in(visit);
  if (visit.path == "/sign-out") return sign_out(visit);
  if (visit.path == "/first-owner") return first_owner(visit);
  if (visit.path == "/invite") return invitation(visit);
  if (visit.path == "/password") return new_password(visit);
  if (visit.path.starts_with("/token-flow/")) return token_flow(visit, visit.path.substr(12));
  if (!visit.person) return visit.ask_to_sign_in();
  if (below(visit.path, "/account")) return account(visit, visit.path.substr(8));
  if (visit.person->workspace_name.empty()) return nowhere(visit);
  if (visit.path == "/") return visit.redirect(visit.place("/tokens"));
  in_workspace(visit);
}

void Pages::in_workspace(Visit& visit) {
  if (!visit.path.starts_with("/w/")) return visit.not_found();
  const std::string name = visit.path.substr(3, visit.path.find('/', 3) - 3);
  const auto& all = visit.person->memberships;
  const auto membership = std::ranges::find(all, name, &store::Membership::name);
  if (membership == all.end()) return visit.not_found();
  if (membership->workspace != visit.session->workspace) {
    stand_in(visit, *membership);
    site_.c.sign_ins.remember_place(visit.cookie, membership->workspace, visit.person->environment);
  }
  struct Entry {
    std::string_view path;
    void (*show)(Visit&, const std::string&);
  };
  static constexpr Entry kPages[] = {{"/tokens", tokens},
                                     {"/members", members},
                                     {"/service-users", service_users},
                                     {"/environments", environments},
                                     {"/proxy-tokens", proxy_tokens},
                                     {"/audit-log", audit_log}};
  const std::string rest = visit.path.substr(3 + name.size());
  if (rest.empty() || rest == "/") return visit.redirect(visit.place("/tokens"));
  for (const Entry& entry : kPages)
    if (below(rest, entry.path)) return entry.show(visit, rest.substr(entry.path.size()));
  visit.not_found();
}

}  // namespace ionian::gateway::pages
