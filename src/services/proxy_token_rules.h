#pragma once
// Changes of proxy tokens: what is allowed, what is written, what the audit log keeps.
#include "services/identity.h"
#include "services/roles.h"
#include "store/workspaces.h"

namespace ionian::services {

struct NewProxyToken {
  std::string name;
  bool scoped = false;  // holds only in `environments`
  std::vector<EnvironmentId> environments = {};
};

struct MadeProxyToken {
  store::ProxyToken token;
  std::string secret;  // shown once
};

struct ProxyTokenRules {
  // One of the actor's workspace.   errors  NOT_FOUND
  static Result<store::ProxyToken> find(store::View& view, const Actor& actor,
                                        const std::string& id);

  // errors of all  PERMISSION_DENIED · NOT_FOUND token, environment · INVALID_ARGUMENT name
  static Result<MadeProxyToken> create(store::Tx& tx, const Actor& actor, Random& random,
                                       const KeyFile& key, const NewProxyToken& wanted);
  static Result<store::ProxyToken> rename(store::Tx& tx, const Actor& actor, const std::string& id,
                                          const std::string& name);
  static Result<store::ProxyToken> remove(store::Tx& tx, const Actor& actor, const std::string& id);
  // Opens an environment to it, or closes it.
  static Result<void> allow(store::Tx& tx, const Actor& actor, const std::string& id,
                            const EnvironmentId& environment);
  static Result<void> take(store::Tx& tx, const Actor& actor, const std::string& id,
                           const EnvironmentId& environment);
};

}  // namespace ionian::services
