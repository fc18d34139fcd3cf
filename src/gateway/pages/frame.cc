#include "gateway/pages/frame.h"

#include "gateway/pages/static_files.h"

namespace ionian::gateway::pages {
namespace {

Html mark() {
  return html(
      R"(<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3"
stroke-linecap="round" )"
      R"(stroke-linejoin="round" aria-hidden="true"><path d="M2 28.5H30M2 22C9.5 22 8 3.5 19
3.5a9.25 9.25 0 0 1 0 )"
      R"(18.5a4.75 4.75 0 0 1 0-9.5"/></svg>)");
}

Html head(const Visit& visit, std::string_view title) {
  const std::string theme = visit.person ? visit.person->theme : "";
  const Html forced = theme.empty() ? Html() : html(R"( data-theme="{}")", theme);
  return html(R"(<!doctype html>
<html lang="en"{}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{} · Ionian</title>
<link rel="icon" href="{}" type="image/svg+xml">
<link rel="stylesheet" href="{}">
<script src="{}" type="module"></script>
</head>
)",
              forced, title, static_path("logo.svg"), static_path("ionian.css"),
              static_path("ionian.js"));
}

// "EP" of "Eleni Pappas": the first letters of the first and the last word.
std::string initials(const std::string& name) {
  const auto letter = [&](std::size_t at) {
    std::size_t end = at + 1;
    while (end < name.size() && (name[end] & 0xc0) == 0x80) ++end;
    return at < name.size() ? name.substr(at, end - at) : std::string();
  };
  const std::size_t last = name.rfind(' ');
  return last == std::string::npos ? letter(0) : letter(0) + letter(last + 1);
}

Html switch_of(std::string_view id, std::string_view label, const std::string& current,
               const Html& links) {
  return html(R"(<i aria-hidden="true">/</i>
<button type="button" class="switch" popovertarget="{}" aria-label="{}: {}">{}</button>
<div id="{}" class="menu" popover>
<p>{}</p>
{}</div>
)",
              id, label, current, current, id, label, links);
}

Html menu_link(const std::string& to, const std::string& name, bool current) {
  return html("<a href=\"{}\"{}>{}</a>\n", to, current ? html(" aria-current=\"true\"") : Html(),
              name);
}

Html switches(const Visit& visit) {
  const Person& me = *visit.person;
  if (me.workspace_name.empty()) return {};
  const Html workspaces = each(me.memberships, [&](const store::Membership& m) {
    return menu_link(cat("/w/", m.name, "/tokens"), m.name, m.workspace == me.workspace);
  });
  std::vector<std::string> names;
  visit.site.c.store.read([&](store::View& view) {
    const rpc::Caller as{.kind = rpc::CallerKind::kToken,
                         .workspace = me.workspace,
                         .environment = {},
                         .token = {},
                         .principal = me.user.id.str(),
                         .role = me.role};
    for (const store::Environment& e : store::list_environments(view, me.workspace))
      if (services::AccessRules::role_in(view, as, e) != rpc::EnvironmentRole::kNoAccess)
        names.push_back(e.name);
  });
  const Html environments = each(names, [&](const std::string& name) {
    return menu_link(visit.place(cat("/environments/", name)), name, name == me.environment);
  });
  return switch_of("workspaces", "Workspace", me.workspace_name, workspaces) +
         switch_of("environment", "Environment", me.environment,
                   environments + html("<hr>\n<a href=\"{}\">All environments</a>\n",
                                       visit.place("/environments")));
}

Html bar(Visit& visit) {
  const Person& me = *visit.person;
  const Html my_tokens = me.workspace_name.empty()
                             ? Html()
                             : html("<a href=\"{}\">My tokens</a>\n", visit.place("/tokens"));
  return html(R"(<header>
<a class="mark" href="/" aria-label="Ionian, home">{}</a>
{}<span class="push"></span>
<button type="button" class="switch who" popovertarget="account" aria-label="Your account:
{}">{}</button>
<div id="account" class="menu" popover>
<p><b>{}</b><br>{} · {}</p>
<hr>
<a href="/account">Password and sessions</a>
{}<form method="post" action="/sign-out">{}<button>Sign out</button></form>
</div>
<button type="button" class="switch burger" popovertarget="nav">Menu</button>
</header>
)",
              mark(), switches(visit), me.user.name, initials(me.user.name), me.user.name,
              me.user.email, me.role_text.empty() ? "in no workspace" : me.role_text, my_tokens,
              visit.form_key("/sign-out"));
}

Html side_list(const Visit& visit) {
  struct Entry {
    std::string_view path, name;
  };
  static constexpr Entry kEntries[] = {{"/tokens", "Tokens"},
                                       {"/service-users", "Service users"},
                                       {"/members", "Members"},
                                       {"/environments", "Environments"},
                                       {"/proxy-tokens", "Proxy tokens"},
                                       {"/audit-log", "Audit log"}};
  const Person& me = *visit.person;
  if (me.workspace_name.empty())
    return html("<nav id=\"nav\" popover aria-label=\"Main\"></nav>\n");
  const Html entries = each(kEntries, [&](const Entry& e) {
    const std::string to = visit.place(e.path);
    const bool current = visit.path == to || visit.path.starts_with(to + "/");
    return html("<li><a href=\"{}\"{}>{}</a></li>\n", to,
                current ? html(" aria-current=\"page\"") : Html(), e.name);
  });
  return html(R"(<nav id="nav" popover aria-label="Main">
<h2>{} <span>· workspace</span></h2>
<ul>
{}</ul>
</nav>
)",
              me.workspace_name, entries);
}

}  // namespace

Html framed(Visit& visit, std::string_view title, const Html& body) {
  // What the last action has to say stands below the page's head.
  const std::string said = visit.site.c.sign_ins.take_flash(visit.cookie);
  const std::size_t end = body.text().find("</header>\n");
  const std::size_t at = end == std::string::npos ? 0 : end + 10;
  const Html content = html_again(body.text().substr(0, at) + said + body.text().substr(at));
  return html(
      "{}<body>\n<a class=\"skip button\" href=\"#main\">Skip to content</a>\n{}{}"
      "<main id=\"main\">\n{}</main>\n</body>\n</html>\n",
      head(visit, title), bar(visit), side_list(visit), content);
}

Html bare_page(const Visit& visit, std::string_view title, const Html& body) {
  const std::string& url = visit.site.c.public_url;
  const std::size_t slashes = url.find("//");
  const std::string host = slashes == std::string::npos ? url : url.substr(slashes + 2);
  return html(R"({}<body class="bare">
<header>
<span class="mark">{}</span>
</header>
<main id="main">
{}</main>
<footer>{} · Ionian {}</footer>
</body>
</html>
)",
              head(visit, title), mark(), body, host, visit.site.version);
}

}  // namespace ionian::gateway::pages
