#include "gateway/pages/visit.h"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstdio>

#include "gateway/pages/static_files.h"

namespace ionian::gateway::pages {
namespace {

constexpr std::size_t kFormBytes = 64 << 10;
constexpr std::string_view kCookie = "ionian";
constexpr std::string_view kMark =
    R"(<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M2 28.5H30M2 22C9.5 22 8 3.5 19 3.5a9.25 9.25 0 0 1 0 18.5a4.75 4.75 0 0 1 0-9.5"/></svg>)";

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const std::string digits(text.substr(i + 1, 2));
    if (text[i] == '%' && digits.size() == 2 && std::sscanf(digits.c_str(), "%2x", &value) == 1) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string cookie_of(std::string_view header) {
  while (!header.empty()) {
    std::string_view pair = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(header.size(), pair.size() + 1));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('=')) return std::string(pair.substr(kCookie.size() + 1));
  }
  return {};
}

std::string field(const Exchange& exchange, http::field name) {
  const auto value = exchange.head()[name];
  return {value.data(), value.size()};
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out;
}

std::string escape_stranger(std::string_view text, std::size_t most) {
  std::string shown;
  for (unsigned char c : text.substr(0, most)) {
    char code[8];
    if (c < 0x20 || c >= 0x7f) {
      std::snprintf(code, sizeof code, "\\x%02x", c);
      shown += code;
    } else {
      shown += static_cast<char>(c);
    }
  }
  return escape(shown);
}

Fields parse_form(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) fields[percent_decoded(pair.substr(0, equals))] = percent_decoded(pair.substr(equals + 1));
  }
  return fields;
}

std::string words_for(Duration d) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(d).count();
  const auto say = [](std::int64_t n, std::string_view unit) { return cat(n, ' ', unit, n == 1 ? "" : "s"); };
  if (seconds >= 2 * 86400) return say(seconds / 86400, "day");
  if (seconds >= 2 * 3600) return say(seconds / 3600, "hour");
  if (seconds >= 120) return say(seconds / 60, "minute");
  return say(seconds, "second");
}

Visit::Visit(Site& s, Exchange& e) : site(s), exchange(e), method(e.method()) {
  const std::string_view target = e.target();
  path = std::string(target.substr(0, target.find('?')));
  if (const std::size_t mark = target.find('?'); mark != std::string_view::npos) query = parse_form(target.substr(mark + 1));
  cookie = cookie_of(field(e, http::field::cookie));
  address = e.remote_address();
  const auto known = site.c.sign_ins.session(site.c.clock.now(), cookie);
  if (!known) cookie.clear();
  if (known && !known->user.empty()) session = known;
}

bool Visit::from_here() const {
  const std::string origin = field(exchange, http::field::origin);
  const std::string fetch_site(exchange.head()["Sec-Fetch-Site"].data(), exchange.head()["Sec-Fetch-Site"].size());
  if (origin.empty()) return fetch_site.empty() || fetch_site == "same-origin" || fetch_site == "none";
  return std::any_of(site.hosts.begin(), site.hosts.end(), [&](const std::string& host) { return origin == "http://" + host || origin == "https://" + host; });
}

bool Visit::accept_form() {
  Result<std::string> body = exchange.read_small_body(kFormBytes);
  if (!body) {
    exchange.reply_error(body.error());
    return false;
  }
  form = parse_form(*body);
  if (from_here() && site.c.sign_ins.form_key_fits(cookie, path, form["csrf"])) return true;
  page(403, "Send it again", "<h1>This form was open too long.</h1><p>Nothing was done. Go back, reload the page and send it again.</p>");
  return false;
}

std::string Visit::form_key(std::string_view action) {
  if (cookie.empty()) set_cookie(site.c.sign_ins.begin_session(site.c.clock.now(), {}));
  return site.c.sign_ins.form_key(cookie, action);
}

void Visit::set_cookie(const std::string& value) {
  cookie = value;
  set_cookies_ = {cat(kCookie, '=', value, "; HttpOnly; SameSite=Lax; Path=/")};
}

void Visit::clear_cookie() { set_cookies_ = {cat(kCookie, "=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")}; }

std::vector<std::pair<std::string, std::string>> Visit::headers() const {
  std::vector<std::pair<std::string, std::string>> all = {
      {"Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
                                  "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"},
      {"X-Frame-Options", "DENY"}, {"Referrer-Policy", "same-origin"}, {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"}, {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"}, {"Cache-Control", "no-store"}};
  for (const std::string& set : set_cookies_) all.emplace_back("Set-Cookie", set);
  return all;
}

void Visit::page(int status, std::string_view title, std::string_view body) {
  std::string html = cat("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, "
                         "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>", escape(title), " · Ionian</title>\n<link rel=\"icon\" href=\"",
                         static_path("logo.svg"), "\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"", static_path("ionian.css"),
                         "\">\n</head>\n<body class=\"bare\">\n<header>\n  <span class=\"mark\">", kMark, "</span>\n</header>\n<main id=\"main\">\n", body, "\n</main>\n<footer>Ionian ",
                         site.version, "</footer>\n</body>\n</html>\n");
  exchange.reply(status, "text/html; charset=utf-8", std::move(html), headers());
}

void Visit::redirect(const std::string& to) {
  auto all = headers();
  all.emplace_back("Location", to);
  exchange.reply(303, "text/plain; charset=utf-8", "", all);
}

void Visit::not_found() { page(404, "Not found", "<h1>There is nothing here, or you may not see it.</h1>"); }

void Visit::ask_to_sign_in() { redirect(cat("/sign-in?next=", signed_next(*this, path))); }

bool Visit::elsewhere(Pool& pool, std::function<void()> work) {
  asio::steady_timer done(exchange.executor(), std::chrono::steady_clock::time_point::max());
  const bool queued = pool.post([&, work = std::move(work)] {
    work();
    asio::post(done.get_executor(), [&done] { done.cancel(); });
  });
  if (!queued) return false;
  beast::error_code cancelled;
  done.async_wait(exchange.yield()[cancelled]);
  return true;
}

std::string signed_next(const Visit& visit, const std::string& path) { return cat(path, "&sig=", visit.site.c.key.sign(cat("next ", path)).substr(0, 32)); }

std::string checked_next(const Visit& visit, const std::string& next) {
  const std::size_t mark = next.rfind("|");
  const std::string path = next.substr(0, mark);
  const bool ours = mark != std::string::npos && path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\") &&
                    next.substr(mark + 1) == visit.site.c.key.sign(cat("next ", path)).substr(0, 32);
  return ours ? path : "/";
}

}  // namespace ionian::gateway::pages
