#pragma once
// HTML that is safe by its type: text becomes a part of a page only escaped, so forgetting to
// escape does not compile.
//
//   html("<dt>Name</dt><dd>{}</dd>", token.name)
//
// Forms are literals of the source; each {} takes one argument, and the compiler counts them.
#include <string>
#include <string_view>
#include <vector>

#include "base/cat.h"

namespace ionian::gateway::pages {

std::string escape(std::string_view text);

class Html {
 public:
  Html() = default;
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  Html& operator+=(const Html& other) {
    text_ += other.text_;
    return *this;
  }
  friend Html operator+(Html a, const Html& b) { return a += b; }

 private:
  friend class HtmlWriter;
  friend Html html_again(std::string text);
  explicit Html(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A literal with N places. Its constructor runs in the compiler.
template <std::size_t N>
class Form {
 public:
  template <class Text>
    requires std::convertible_to<const Text&, std::string_view>
  consteval Form(const Text& text) : text_(text) {
    std::size_t places = 0;
    for (std::size_t at = text_.find("{}"); at != text_.npos; at = text_.find("{}", at + 2))
      ++places;
    if (places != N) throw "a form and its arguments differ in number";
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// What a place takes: HTML as it is, anything else as text.
class HtmlWriter {
 public:
  explicit HtmlWriter(std::string_view form) : form_(form) {}
  void put(const Html& part) { next(part.text_); }
  template <class T>
  void put(const T& part) {
    next(escape(cat(part)));
  }
  Html done() {
    out_ += form_;
    return Html(std::move(out_));
  }

 private:
  void next(std::string_view part) {
    const std::size_t at = form_.find("{}");
    out_ += form_.substr(0, at);
    out_ += part;
    form_.remove_prefix(at + 2);
  }
  std::string_view form_;
  std::string out_;
};

template <class... Parts>
Html html(Form<sizeof...(Parts)> form, const Parts&... parts) {
  HtmlWriter writer(form.text());
  (writer.put(parts), ...);
  return writer.done();
}

// What html() has made before, and a session has kept as text since.
inline Html html_again(std::string text) { return Html(std::move(text)); }
// Text as text.
inline Html plain(std::string_view text) { return html("{}", text); }
// All of them, one after the other.
template <class Items, class F>
Html each(const Items& items, F&& f) {
  Html all;
  for (const auto& item : items) all += f(item);
  return all;
}

// Text that strangers chose, cut to `most` bytes, with control and bidirectional characters shown
// as escapes and not obeyed. Still text: html() escapes it.
std::string tamed(std::string_view text, std::size_t most);

}  // namespace ionian::gateway::pages
