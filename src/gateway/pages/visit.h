#pragma once
// One request for a page: who looks, what was sent, and the ways to answer.
#include <map>
#include <string>

#include "base/pool.h"
#include "gateway/pages/html.h"
#include "services/actor.h"
#include "services/context.h"
#include "services/token_flow.h"
#include "store/workspaces.h"

namespace ionian::gateway {
class Exchange;
}

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

// Somebody signed in, in one of their workspaces.
struct Person {
  store::User user;
  std::string theme;
  std::vector<store::Membership> memberships;
  WorkspaceId workspace;
  std::string workspace_name, role_text;  // "" in no workspace
  rpc::WorkspaceRole role = rpc::WorkspaceRole::kNone;
  std::string environment;  // the last one looked at, or the default one

  bool manages() const { return role >= rpc::WorkspaceRole::kManager; }
};

// "a=1&b=%20" as fields; bad escapes stay as they are.
Fields parse_form(std::string_view text);

class Visit {
 public:
  Visit(Site& site, Exchange& exchange);

  Site& site;
  Exchange& exchange;
  std::string method, path;
  Fields query, form;
  std::string cookie;                        // of the session, or of a visitor
  std::optional<services::Session> session;  // of somebody signed in
  std::optional<Person> person;              // likewise, once the router has looked them up
  std::string address;                       // of the browser
  std::string server_url;                    // of the API, as clients are told it
  Time now;

  bool signed_in() const { return session.has_value(); }
  bool posted() const { return method == "POST"; }
  bool tls() const;
  // A field as it was sent; "" or `otherwise` without one.
  std::string typed(std::string_view name, std::string_view otherwise = "") const;
  std::string cookie_named(std::string_view name) const;
  std::string host() const;  // as the browser names us

  // Reads the form and refuses what another site, or an old page, has sent. Answers and returns
  // false then.
  bool accept_form();
  // The hidden field that accept_form() wants; makes a visitor's cookie if there is none yet.
  Html form_key(std::string_view action);
  // The hidden field of a form that works once.
  Html once_field();

  // "/w/halcyon" and what follows.
  std::string place(std::string_view rest = "") const;
  services::Actor actor() const;
  // Writes; on OK drops what the server remembers of identities.
  Result<void> change(const store::Work& work);

  // Answers. In the frame of a signed-in person, or bare.
  void page(int status, std::string_view title, const Html& body);
  void bare(int status, std::string_view title, const Html& body);
  void redirect(const std::string& to);                 // 303, to a path of ours
  void done(const Html& flash, const std::string& to);  // the same, and the next page says so
  void not_found();
  // 403: who looks may not `action` ("invite members"); `needs` is the role for it.
  void not_allowed(std::string_view action, std::string_view needs);
  // What a rule has refused and no field can show: not found, not allowed, or a failure of ours.
  void refused(const Status& status, std::string_view action);
  void failed(const Status& status);  // 500, with the number under which the log has it

  // True for at least a manager; answers 403 otherwise.
  bool needs_manager(std::string_view action);

  void set_cookie(const std::string& value);
  void clear_cookie();
  void add_header(std::string name, std::string value) {
    extra_.emplace_back(std::move(name), std::move(value));
  }
  // A cookie that carries the key of a one-time link to its page.
  void keep_link_key(std::string_view name, std::string_view path, const std::string& key);
  // The one address beside our own that this page's script may ask.
  void allow_connect_to(std::string origin) { connect_to_ = std::move(origin); }
  // Signs somebody in: a new session under a new cookie.
  void begin_session(const UserId& user, const WorkspaceId& workspace);

  // Sign in first, then come back here.
  void ask_to_sign_in();

  // Runs on another thread while this connection waits; false if too many wait already.
  bool elsewhere(Pool& pool, const std::function<void()>& work);

 private:
  bool from_here() const;
  void form_too_old(bool ours);
  void send(int status, const Html& page);
  std::vector<std::pair<std::string, std::string>> headers() const;
  std::vector<std::string> set_cookies_;
  std::vector<std::pair<std::string, std::string>> extra_;
  std::string connect_to_;
};

// Where one is sent after signing in: a path of ours, signed, so that no link can choose it.
std::string signed_next(const Visit& visit, const std::string& path);
std::string checked_next(const Visit& visit, const std::string& next);

}  // namespace ionian::gateway::pages
