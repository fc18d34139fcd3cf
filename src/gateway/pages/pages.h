#pragma once
// The web pages: signing in, the answer to `modal setup`, one's account, and who may do what in a
// workspace.
#include <mutex>

#include "gateway/pages/visit.h"

namespace ionian::gateway {
struct Route;
}

namespace ionian::gateway::pages {

class Pages {
 public:
  explicit Pages(Site site) : site_(std::move(site)) {}
  Route route();
  // Known only once the listener has its port; before the first request.
  void set_hosts(std::vector<std::string> hosts) { site_.hosts = std::move(hosts); }
  // The API's address, which pages show in commands. At any time: its port is known later than
  // ours.
  void set_server_url(std::string url);

 private:
  void handle(Exchange& exchange);
  void in_workspace(Visit& visit);
  bool host_is_ours(const Exchange& exchange) const;
  Site site_;
  std::mutex mutex_;
  std::string server_url_;  // guarded by mutex_
};

// One file each. They answer the visit.
void sign_in(Visit& visit);
void sign_out(Visit& visit);
void first_owner(Visit& visit);
void invitation(Visit& visit);
void new_password(Visit& visit);
void token_flow(Visit& visit, const std::string& id);
void account(Visit& visit, const std::string& rest);

// Below /w/WORKSPACE. `rest` is what follows the page's name: "", "/new", "/ak-…/revoke".
void tokens(Visit& visit, const std::string& rest);
void token_new(Visit& visit);
void one_token(Visit& visit, const std::string& id, const std::string& action);
void members(Visit& visit, const std::string& rest);
void service_users(Visit& visit, const std::string& rest);
void environments(Visit& visit, const std::string& rest);
void one_environment(Visit& visit, const store::Environment& env, const std::string& action);
void proxy_tokens(Visit& visit, const std::string& rest);
void audit_log(Visit& visit, const std::string& rest);

}  // namespace ionian::gateway::pages
