#pragma once
// Who changes something of identity or access, by a call or on a page: what rules ask and the audit
// log keeps.
#include <string>

#include "rpc/call.h"
#include "store/people.h"

namespace ionian::services {

struct Actor {
  WorkspaceId workspace;
  std::string principal;  // a user (us-…) or service user (sv-…); "owner" on the machine itself
  TokenId token;          // by which it acts; empty: a browser, or the machine's own socket
  rpc::WorkspaceRole role = rpc::WorkspaceRole::kNone;
  bool limited = false;  // by a token that may do less than its owner
  std::string source;    // address
  Time now;
};

Actor actor_of(const rpc::Call& call);
// "203.0.113.9" of "ipv4:203.0.113.9:4711", "::1" of "ipv6:%5B::1%5D:4711", "unix" of "unix:/…".
std::string address_of(const std::string& peer);

// An entry of the audit log, in the transaction of the change that it tells of.
void audit(store::Tx& tx, const Actor& actor, std::string_view action, std::string_view target,
           std::string_view detail = "");

}  // namespace ionian::services
