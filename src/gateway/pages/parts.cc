#include "gateway/pages/parts.h"

#include <algorithm>

namespace ionian::gateway::pages {

Html flash(std::string_view kind, const Html& text) {
  const bool bad = kind == "bad" || kind == "warn";
  return html("<p class=\"flash {}\" role=\"{}\" tabindex=\"-1\" autofocus>{}</p>\n", kind,
              bad ? "alert" : "status", text);
}

Html tag(std::string_view kind, std::string_view text) {
  return kind.empty() ? html(" <span class=\"tag\">{}</span>", text)
                      : html(" <span class=\"tag {}\">{}</span>", kind, text);
}

Html page_head(std::string_view title, const Html& line, const Html& action) {
  return html("<header>\n<div><h1>{}</h1>{}</div>\n{}</header>\n", title,
              line.empty() ? line : html("<p>{}</p>", line), action);
}

Html page_head_below(const std::string& up, std::string_view up_name, std::string_view title,
                     const Html& line, const Html& action) {
  return html("<header>\n<div><p><a href=\"{}\">{}</a></p><h1>{}</h1>{}</div>\n{}</header>\n", up,
              up_name, title, line.empty() ? line : html("<p>{}</p>", line), action);
}

Html cli_line(const Html& text) { return html("<p class=\"cli\">In a terminal: {}</p>\n", text); }

Html empty_panel(std::string_view label, const Html& text) {
  return html(
      "<section class=\"panel\" aria-label=\"{}\">\n<div "
      "class=\"empty\"><p>{}</p></div>\n</section>\n",
      label, text);
}

std::string_view parent_of(std::string_view path) {
  return path.substr(0, std::max<std::size_t>(1, path.rfind('/')));
}

Html field(const Field& f, const Errors& errors) {
  const auto error = errors.find(f.name);
  Html said, described;
  if (error != errors.end()) {
    said = html("<span class=\"err\" id=\"{}-e\">{}</span>\n", f.name, error->second);
    described = html(" aria-invalid=\"true\" aria-describedby=\"{}-e{}\"", f.name,
                     f.hint.empty() ? Html() : html(" {}-h", f.name));
  } else if (!f.hint.empty()) {
    described = html(" aria-describedby=\"{}-h\"", f.name);
  }
  const Html value = f.value.empty() ? Html() : html(" value=\"{}\"", f.value);
  const Html hint =
      f.hint.empty() ? Html() : html("<small id=\"{}-h\">{}</small>\n", f.name, f.hint);
  return html("<label>{}\n<input id=\"{}\" name=\"{}\" {}{}{}>\n{}{}</label>\n", f.label, f.name,
              f.name, f.input, value, described, said, hint);
}

Html error_summary(const Errors& errors) {
  if (errors.empty()) return {};
  Html links;
  for (const auto& [name, text] : errors)
    links += name.empty() ? html(" {}", text) : html(" <a href=\"#{}\">{}</a>", name, text);
  return html(
      "<div class=\"flash bad\" role=\"alert\" tabindex=\"-1\" autofocus>Nothing was "
      "changed.{}</div>\n",
      links);
}

Html choices(std::string_view name, std::string_view legend, const std::vector<Choice>& all,
             std::string_view chosen) {
  const Html options = each(all, [&](const Choice& c) {
    return html(
        "<label class=\"opt\"><input type=\"radio\" name=\"{}\" value=\"{}\"{}> {}{}</label>\n",
        name, c.value, c.value == chosen ? html(" checked") : Html(), c.label,
        c.small.empty() ? c.small : html(" <small>{}</small>", c.small));
  });
  return html("<fieldset>\n<legend>{}</legend>\n<div class=\"opts\">\n{}</div>\n</fieldset>\n",
              legend, options);
}

Html select(std::string_view name, std::string_view label, const std::vector<Choice>& all,
            std::string_view chosen, const Html& hint) {
  const Html options = each(all, [&](const Choice& c) {
    return html("<option value=\"{}\"{}>{}</option>\n", c.value,
                c.value == chosen ? html(" selected") : Html(), c.label);
  });
  return html(
      "<label>{}\n<select id=\"{}\" name=\"{}\" autocomplete=\"off\">\n{}</select>\n{}</label>\n",
      label, name, name, options, hint.empty() ? hint : html("<small>{}</small>\n", hint));
}

Html checks(std::string_view prefix, const std::vector<Choice>& all,
            const std::vector<std::string>& now_ticked) {
  return each(all, [&](const Choice& c) {
    const bool on = std::ranges::find(now_ticked, c.value) != now_ticked.end();
    return html(
        "<label class=\"opt\"><input type=\"checkbox\" name=\"{}.{}\" value=\"on\"{}> "
        "{}{}</label>\n",
        prefix, c.value, on ? html(" checked") : Html(), c.label,
        c.small.empty() ? c.small : html(" <small>{}</small>", c.small));
  });
}

std::vector<std::string> ticked(const Visit& visit, std::string_view prefix) {
  std::vector<std::string> all;
  const std::string start = cat(prefix, '.');
  for (auto it = visit.form.lower_bound(start);
       it != visit.form.end() && it->first.starts_with(start); ++it)
    all.push_back(it->first.substr(start.size()));
  return all;
}

Html ask_button(Visit& visit, const Question& q, std::string_view label, std::string_view spoken) {
  return html(
      R"(<button type="button" class="quiet danger" popovertarget="{}" aria-label="{}">{}</button>
<div id="{}" class="ask" popover role="dialog" aria-labelledby="{}-t">
<form method="post" action="{}">{}
<h2 id="{}-t">{}</h2>
<p>{}</p>
{}<div class="act"><button type="button" popovertarget="{}" popovertargetaction="hide"
autofocus>{}</button><button class="primary danger">{}</button></div>
</form>
</div>)",
      q.id, spoken, label, q.id, q.id, q.action, visit.form_key(q.action), q.id, q.title, q.text,
      q.more, q.id, q.keep, q.go);
}

void ask_page(Visit& visit, const Question& q, const std::string& back) {
  visit.page(200, "One question",
             html(R"(<header>
<div><h1>{}</h1></div>
</header>
<section class="panel" aria-label="Question">
<form class="pad" method="post" action="{}">{}
<p>{}</p>
{}<div class="act"><a class="button" href="{}" autofocus>{}</a><button class="primary
danger">{}</button></div>
</form>
</section>
)",
                  q.title, q.action, visit.form_key(q.action), q.text, q.more, back, q.keep, q.go));
}

Html copy_line(std::string_view id, std::string_view spoken, const Html& text) {
  return html(
      R"(<div class="copy"><code class="all" id="{}">{}</code><button type="button" class="js
quiet" data-copy="{}" aria-label="Copy {}">Copy</button></div>)",
      id, text, id, spoken);
}

std::size_t page_number(const Visit& visit, std::size_t rows) {
  const auto it = visit.query.find("page");
  std::size_t page = 1;
  if (it != visit.query.end())
    std::from_chars(it->second.data(), it->second.data() + it->second.size(), page);
  const std::size_t last = rows == 0 ? 1 : (rows + kPageRows - 1) / kPageRows;
  return std::clamp<std::size_t>(page, 1, last);
}

Html pages_nav(const Visit& visit, std::size_t page, std::size_t rows, std::string_view query) {
  if (rows <= kPageRows) return {};
  const std::size_t first = (page - 1) * kPageRows + 1, last = std::min(rows, page * kPageRows);
  const auto link = [&](std::size_t to, std::string_view rel, std::string_view name) {
    return html("<a class=\"button\" href=\"{}?{}page={}\" rel=\"{}\">{}</a>", visit.path, query,
                to, rel, name);
  };
  return html(
      "<nav class=\"pages\" aria-label=\"Pages\"><span>{}–{} of {}</span><span "
      "class=\"act\">{}{}</span></nav>\n",
      first, last, rows, page > 1 ? link(page - 1, "prev", "Newer") : Html(),
      last < rows ? link(page + 1, "next", "Older") : Html());
}

}  // namespace ionian::gateway::pages
