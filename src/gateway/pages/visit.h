#pragma once
// One request for a page: who looks, what was sent, and the ways to answer.
#include <map>
#include <string>

#include "base/pool.h"
#include "gateway/http.h"
#include "services/context.h"
#include "services/token_flow.h"

namespace ionian::gateway::pages {

using Fields = std::map<std::string, std::string, std::less<>>;

// What all pages work with.
struct Site {
  services::Context& c;
  services::TokenFlows& flows;
  rpc::Loop& flow_loop;  // whose waiting calls learn of an answer
  Pool& hashing;         // two passwords at a time, a bounded queue before them
  std::string version;
  std::vector<std::string> hosts;  // "127.0.0.1:8714": names by which browsers may come here
};

// Text of others inside a page.
std::string escape(std::string_view text);
// The same, cut to `most` characters, with control and bidirectional characters shown and not obeyed.
std::string escape_stranger(std::string_view text, std::size_t most);
// "a=1&b=%20" as fields; bad escapes stay as they are.
Fields parse_form(std::string_view text);
// "90 days", "9 minutes": the largest unit that fits.
std::string words_for(Duration d);

class Visit {
 public:
  Visit(Site& site, Exchange& exchange);

  Site& site;
  Exchange& exchange;
  std::string method, path;
  Fields query, form;
  std::string cookie;                        // of the session, or of a visitor
  std::optional<services::Session> session;  // of somebody signed in
  std::string address;                       // of the browser

  bool signed_in() const { return session.has_value(); }
  // Reads the form and refuses what another site, or an old page, has sent. Answers and returns false then.
  bool accept_form();
  // The hidden field that accept_form() wants; makes a visitor's cookie if there is none yet.
  std::string form_key(std::string_view action);

  // Answers.
  void page(int status, std::string_view title, std::string_view body);     // without the side list
  void redirect(const std::string& to);                                    // 303, to a path of ours
  void not_found();
  void set_cookie(const std::string& value);
  void clear_cookie();

  // Sign in first, then come back here.
  void ask_to_sign_in();

  // Runs on another thread while this connection waits; false if too many wait already.
  bool elsewhere(Pool& pool, std::function<void()> work);

 private:
  bool from_here() const;
  std::vector<std::pair<std::string, std::string>> headers() const;
  std::vector<std::string> set_cookies_;
};

// Where one is sent after signing in: a path of ours, signed, so that no link can choose it.
std::string signed_next(const Visit& visit, const std::string& path);
std::string checked_next(const Visit& visit, const std::string& next);

}  // namespace ionian::gateway::pages
