#include <charconv>

#include "gateway/pages/audit_words.h"
#include "gateway/pages/pages.h"
#include "gateway/pages/words.h"
#include "store/audit.h"

namespace ionian::gateway::pages {
namespace {

struct Kind {
  std::string_view value, name, action, or_action;
};

constexpr Kind kKinds[] = {{"", "everything", "", ""},
                           {"sign-in", "sign-in", "sign_in%", "password.%"},
                           {"tokens", "tokens", "token.%", "proxy_token.%"},
                           {"members", "members", "member.%", "invitation.%"},
                           {"service-users", "service users", "service_user.%", ""},
                           {"environments", "environments", "environment.%", "workspace.%"},
                           {"refused", "refused", "%.refused", ""}};

// What the address asks for.
struct Wanted {
  std::string text, kind, since;
  std::int64_t before = 0;
  store::AuditFilter filter;
};

// "2026-11-13" as the start of that day; the beginning of time for anything else.
Time day_of(const std::string& text) {
  int year = 0, month = 0, day = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d", &year, &month, &day) != 3) return {};
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return date.ok() ? Time(std::chrono::sys_days(date)) : Time();
}

Wanted wanted_of(Visit& visit) {
  Wanted w{.text = visit.query["q"],
           .kind = visit.query["what"],
           .since = visit.query["since"],
           .filter = {}};
  const std::string& before = visit.query["before"];
  std::from_chars(before.data(), before.data() + before.size(), w.before);
  w.filter.text = w.text;
  w.filter.since = day_of(w.since);
  for (const Kind& kind : kKinds)
    if (kind.value == w.kind) {
      w.filter.action = kind.action;
      w.filter.or_action = kind.or_action;
    }
  // Others read their own lines.
  if (!visit.person->manages()) w.filter.actor = visit.person->user.id.str();
  return w;
}

struct Found {
  std::vector<AuditLine> lines;
  std::int64_t total = 0, above = 0;  // how many fit, and how many of them are newer than this page
  std::int64_t newer = 0,
               older = 0;  // where the neighbours begin; 0 = there is none, or it is the first
};

Found look(const Visit& visit, const Wanted& w) {
  const WorkspaceId& workspace = visit.person->workspace;
  return visit.site.c.store.read([&](store::View& view) {
    const auto entries = store::list_audit_page(view, workspace, w.filter, w.before, kPageRows);
    Found found{.lines = audit_lines(view, workspace, entries),
                .total = store::count_audit(view, workspace, w.filter, 0)};
    if (w.before > 0) {
      found.above = store::count_audit(view, workspace, w.filter, w.before);
      found.newer = store::newer_audit_page(view, workspace, w.filter, w.before, kPageRows);
    }
    if (!entries.empty()) found.older = entries.back().number;
    return found;
  });
}

std::string url_text(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_')
      out += static_cast<char>(c);
    else
      cat_to(out, '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]);
  }
  return out;
}

Html neighbours(const Visit& visit, const Wanted& w, const Found& found) {
  const std::int64_t last = found.above + static_cast<std::int64_t>(found.lines.size());
  if (found.total <= static_cast<std::int64_t>(found.lines.size())) return {};
  const std::string filter =
      cat("q=", url_text(w.text), "&what=", url_text(w.kind), "&since=", url_text(w.since));
  const auto link = [&](std::int64_t before, std::string_view rel, std::string_view name) {
    return html("<a class=\"button\" href=\"{}?{}{}\" rel=\"{}\">{}</a>", visit.path, filter,
                before ? cat("&before=", before) : "", rel, name);
  };
  return html(
      "<nav class=\"pages\" aria-label=\"Pages\"><span>{}–{} of {}</span><span "
      "class=\"act\">{}{}</span></nav>\n",
      found.above + 1, last, found.total,
      found.above > 0 ? link(found.newer, "prev", "Newer") : Html(),
      last < found.total ? link(found.older, "next", "Older") : Html());
}

Html filter_form(const Visit& visit, const Wanted& w) {
  const Html kinds = each(kKinds, [&](const Kind& kind) {
    return html("<option value=\"{}\"{}>{}</option>", kind.value,
                kind.value == w.kind ? html(" selected") : Html(), kind.name);
  });
  return html(R"(<form class="row head" method="get" action="{}">
<label>Search <input type="search" name="q" placeholder="token, person, address"
value="{}"></label>
<label>What <select name="what">{}</select></label>
<label>Since <input type="date" name="since" value="{}"></label>
<button>Show</button>
</form>
)",
              visit.path, w.text, kinds, w.since);
}

}  // namespace

void audit_log(Visit& visit, const std::string& rest) {
  if (!rest.empty() || visit.posted()) return visit.not_found();
  const Wanted w = wanted_of(visit);
  const Found found = look(visit, w);
  const Html rows =
      found.lines.empty()
          ? html("<div class=\"empty\"><p>{}</p></div>\n", html(words::kNoEntries, visit.path))
          : html(
                "<table>\n<thead><tr><th>When</th><th>Who</th><th>What</th><th>From</th></tr></"
                "thead>\n"
                "<tbody>\n{}</tbody>\n</table>\n{}",
                audit_rows(visit, found.lines), neighbours(visit, w, found));
  const Html whose = visit.person->manages() ? html(
                                                   "Every change of identity or access since the "
                                                   "first day. Lines are only ever added.")
                                             : html(
                                                   "What you changed of identity or access. Owners "
                                                   "and managers see everybody’s lines.");
  visit.page(
      200, cat("Audit log · ", visit.person->workspace_name),
      page_head("Audit log", whose) +
          html("<section class=\"panel\" aria-label=\"Entries\">\n{}{}</section>\n",
               filter_form(visit, w), rows) +
          cli_line(html("on the server, <code>ionian admin audit --since 7d --json</code>")));
}

}  // namespace ionian::gateway::pages
