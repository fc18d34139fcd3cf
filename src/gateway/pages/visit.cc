#include "gateway/pages/visit.h"

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "base/percent.h"
#include "gateway/http.h"
#include "gateway/pages/frame.h"
#include "gateway/pages/static_files.h"
#include "gateway/pages/words.h"

namespace ionian::gateway::pages {
namespace {

constexpr std::size_t kFormBytes = 64 << 10;
constexpr std::size_t kAgentMax = 200;
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; connect-src 'self'";

// Whether the connection is TLS, where the exchange can say so.
template <class E>
bool tls_of(const E& exchange) {
  if constexpr (requires { exchange.tls(); })
    return exchange.tls();
  else
    return false;
}

// As browsers write forms: a plus is a blank.
std::string form_decoded(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  return percent_decoded(text);
}

std::string_view cookie_name(const Visit& visit) {
  return visit.tls() ? "__Host-ionian" : "ionian";
}
std::string_view cookie_ending(const Visit& visit) { return visit.tls() ? "; Secure" : ""; }

}  // namespace

Fields parse_form(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos)
      fields[form_decoded(std::string(pair.substr(0, equals)))] =
          form_decoded(std::string(pair.substr(equals + 1)));
  }
  return fields;
}

Visit::Visit(Site& s, Exchange& e)
    : site(s), exchange(e), method(e.method()), now(s.c.clock.now()) {
  const std::string_view target = e.target();
  path = form_decoded(std::string(target.substr(0, target.find('?'))));
  if (const std::size_t mark = target.find('?'); mark != std::string_view::npos)
    query = parse_form(target.substr(mark + 1));
  address = e.remote_address();
  cookie = cookie_named(cookie_name(*this));
  const auto known = site.c.sign_ins.session(now, cookie, address);
  if (known && !known->user.empty()) session = known;
  if (!known && !site.c.sign_ins.has_ended(now, cookie)) cookie.clear();
}

std::string Visit::host() const { return std::string(exchange.field("Host")); }

bool Visit::tls() const { return tls_of(exchange); }

std::string Visit::typed(std::string_view name, std::string_view otherwise) const {
  const auto it = form.find(name);
  return it == form.end() ? std::string(otherwise) : it->second;
}

std::string Visit::cookie_named(std::string_view name) const {
  const std::string_view all = exchange.field("Cookie");
  for (std::string_view rest = all; !rest.empty();) {
    std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return std::string(pair.substr(name.size() + 1));
  }
  return {};
}

bool Visit::from_here() const {
  const std::string_view origin = exchange.field("Origin");
  if (origin.empty()) return exchange.field("Sec-Fetch-Site") == "same-origin";
  const std::string scheme = tls() ? "https://" : "http://";
  return std::ranges::any_of(site.hosts, [&](const std::string& host) {
    return origin == scheme + host || origin == "https://" + host;
  });
}

bool Visit::accept_form() {
  Result<std::string> body = exchange.read_small_body(kFormBytes);
  if (!body) {
    exchange.reply_error(body.error());
    return false;
  }
  form = parse_form(*body);
  const bool ours = from_here();
  if (ours && site.c.sign_ins.form_key_fits(cookie, path, typed("csrf"))) return true;
  form_too_old(ours);
  return false;
}

void Visit::form_too_old(bool ours) {
  const Html body = ours ? too_old_form(*this) : foreign_form();
  if (person)
    page(403, words::kFormTooOld, body);
  else
    bare(403, words::kFormTooOld, body);
}

Html Visit::form_key(std::string_view action) {
  if (cookie.empty() || site.c.sign_ins.has_ended(now, cookie))
    set_cookie(site.c.sign_ins.begin_session(now, {}));
  return html(R"(<input type="hidden" name="csrf" value="{}">)",
              site.c.sign_ins.form_key(cookie, action));
}

Html Visit::once_field() {
  return html(R"(<input type="hidden" name="once" value="{}">)", random_ulid(site.c.random, now));
}

std::string Visit::place(std::string_view rest) const {
  return cat("/w/", person ? person->workspace_name : "", rest);
}

services::Actor Visit::actor() const {
  return {.workspace = person->workspace,
          .principal = person->user.id.str(),
          .token = {},
          .role = person->role,
          .source = address,
          .now = now};
}

Result<void> Visit::change(const store::Work& work) {
  Result<void> done = site.c.store.write_now(work);
  if (done) site.c.forget_identities();
  return done;
}

void Visit::set_cookie(const std::string& value) {
  cookie = value;
  set_cookies_ = {cat(cookie_name(*this), '=', value, "; HttpOnly; SameSite=Lax; Path=/",
                      cookie_ending(*this))};
}

void Visit::clear_cookie() {
  set_cookies_ = {cat(cookie_name(*this), "=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0",
                      cookie_ending(*this))};
}

void Visit::keep_link_key(std::string_view name, std::string_view page_path,
                          const std::string& key) {
  add_header("Set-Cookie", cat(name, '=', key, "; HttpOnly; SameSite=Lax; Path=", page_path,
                               "; Max-Age=", key.empty() ? 0 : 3600, cookie_ending(*this)));
}

void Visit::begin_session(const UserId& user, const WorkspaceId& workspace) {
  // A new value at sign-in: a cookie that somebody planted before is worth nothing.
  site.c.sign_ins.end_session(cookie);
  const std::string agent(exchange.field("User-Agent").substr(0, kAgentMax));
  set_cookie(site.c.sign_ins.begin_session(
      now, {.user = user, .workspace = workspace, .address = address, .agent = agent}));
}

std::vector<std::pair<std::string, std::string>> Visit::headers() const {
  std::vector<std::pair<std::string, std::string>> all = {
      {"Content-Security-Policy",
       connect_to_.empty() ? std::string(kPolicy) : cat(kPolicy, ' ', connect_to_)},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
      {"Cache-Control", "no-store"}};
  if (tls()) all.emplace_back("Strict-Transport-Security", "max-age=31536000");
  for (const std::string& set : set_cookies_) all.emplace_back("Set-Cookie", set);
  all.insert(all.end(), extra_.begin(), extra_.end());
  return all;
}

void Visit::send(int status, const Html& whole) {
  add_header("Link", cat('<', static_path("ionian.css"), ">; rel=preload; as=style"));
  exchange.reply(status, "text/html; charset=utf-8", whole.text(), headers());
}

void Visit::page(int status, std::string_view title, const Html& body) {
  send(status, framed(*this, title, body));
}

void Visit::bare(int status, std::string_view title, const Html& body) {
  send(status, bare_page(*this, title, body));
}

void Visit::redirect(const std::string& to) {
  add_header("Location", to);
  exchange.reply(303, "text/plain; charset=utf-8", "", headers());
}

void Visit::done(const Html& flash, const std::string& to) {
  site.c.sign_ins.keep_flash(cookie, flash.text());
  redirect(to);
}

void Visit::ask_to_sign_in() { redirect(cat("/sign-in?next=", signed_next(*this, path))); }

bool Visit::elsewhere(Pool& pool, const std::function<void()>& work) {
  return exchange.wait_for(pool, work);
}

namespace {

std::string next_mark(const Visit& visit, const std::string& path) {
  return visit.site.c.key.sign(cat("next ", path)).substr(0, 32);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '/' || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "%%%02X", c);
      out += code;
    }
  }
  return out;
}

}  // namespace

std::string signed_next(const Visit& visit, const std::string& path) {
  return cat(percent_encoded(path), "&sig=", next_mark(visit, path));
}

std::string checked_next(const Visit& visit, const std::string& next) {
  const std::size_t mark = next.rfind('|');
  const std::string path = next.substr(0, mark);
  const bool ours = mark != std::string::npos && path.starts_with('/') && !path.starts_with("//") &&
                    !path.starts_with("/\\") && next.substr(mark + 1) == next_mark(visit, path);
  return ours ? percent_encoded(path) : "/";
}

}  // namespace ionian::gateway::pages
