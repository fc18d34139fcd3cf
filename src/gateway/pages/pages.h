#pragma once
// The web pages: sign in and out, the first owner, the answer to `modal setup`, tokens.
#include "gateway/gateway.h"
#include "gateway/pages/visit.h"

namespace ionian::gateway::pages {

class Pages {
 public:
  explicit Pages(Site site) : site_(std::move(site)) {}
  Route route();
  // Known only once the listener has its port; before the first request.
  void set_hosts(std::vector<std::string> hosts) { site_.hosts = std::move(hosts); }

 private:
  void handle(Exchange& exchange);
  bool host_is_ours(const Exchange& exchange) const;
  Site site_;
};

// One file each. They answer the visit.
void sign_in(Visit& visit);
void sign_out(Visit& visit);
void first_owner(Visit& visit);
void token_flow(Visit& visit, const std::string& id);
void tokens(Visit& visit, const std::string& workspace, const std::string& rest);

}  // namespace ionian::gateway::pages
