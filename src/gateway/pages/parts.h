#pragma once
// Parts that many pages have: fields, questions, times, lists in pages. Each is a piece of markup
// of the design.
#include <vector>

#include "gateway/pages/visit.h"

namespace ionian::gateway::pages {

// Times. "90 days", "9 minutes": the largest unit that fits.
std::string words_for(Duration d);
std::string date_text(Time t);  // "20 Nov 2026"
// "9 min ago", "in 3 days", with the exact time in its title; "never" or another word without one.
Html time_tag(Time now, Time t);
Html time_tag(Time now, const std::optional<Time>& t, std::string_view otherwise);
Html date_tag(Time t);

// A line above the content. `kind`: ok, warn, bad, info.
Html flash(std::string_view kind, const Html& text);
Html tag(std::string_view kind, std::string_view text);
Html page_head(std::string_view title, const Html& line, const Html& action = {});
// The same below another page: its path comes first.
Html page_head_below(const std::string& up, std::string_view up_name, std::string_view title,
                     const Html& line, const Html& action = {});
Html cli_line(const Html& text);
Html empty_panel(std::string_view label, const Html& text);
// "…4T6DEN": what lists show of a long id.
std::string_view parent_of(std::string_view path);

// Forms. Errors by the name of their field; a page that has any says so above and beside the field.
using Errors = std::map<std::string, std::string, std::less<>>;
struct Field {
  std::string_view name;
  std::string_view label;
  Html input;  // all attributes but name, id and those that say what is wrong: html("type=\"email\"
               // required")
  Html hint = {};
  std::string value = {};  // as typed; never of a secret
};
Html field(const Field& f, const Errors& errors);
Html error_summary(const Errors& errors);

struct Choice {
  std::string_view value;
  std::string label;
  Html small = {};
};
// Radio buttons.
Html choices(std::string_view name, std::string_view legend, const std::vector<Choice>& all,
             std::string_view chosen);
Html select(std::string_view name, std::string_view label, const std::vector<Choice>& all,
            std::string_view chosen, const Html& hint = {});
// Checkboxes named PREFIX.VALUE, and which of them a form has ticked.
Html checks(std::string_view prefix, const std::vector<Choice>& all,
            const std::vector<std::string>& ticked);
std::vector<std::string> ticked(const Visit& visit, std::string_view prefix);

// What is asked before something that cannot be undone: in the page, and as a page of its own.
struct Question {
  std::string id;      // unlike others of the page
  std::string action;  // where the answer is posted
  Html title, text;
  std::string keep, go;  // the buttons: what stays, what is done
  Html more = {};        // fields
};
// The button that opens the question in the page.
Html ask_button(Visit& visit, const Question& q, std::string_view label, std::string_view spoken);
void ask_page(Visit& visit, const Question& q, const std::string& back);

// Something to copy, marked by a click.
Html copy_line(std::string_view id, std::string_view spoken, const Html& text);
// The pages of a list: `page` counts from 1.
inline constexpr std::size_t kPageRows = 50;
std::size_t page_number(const Visit& visit, std::size_t rows);
Html pages_nav(const Visit& visit, std::size_t page, std::size_t rows, std::string_view query);

}  // namespace ionian::gateway::pages
