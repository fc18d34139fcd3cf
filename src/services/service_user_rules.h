#pragma once
// Changes of service users: what is allowed, what is written, what the audit log keeps. After the
// commit the caller drops what is remembered (forget_identities).
#include "services/identity.h"
#include "services/roles.h"

namespace ionian::services {

struct NewServiceUser {
  std::string name;
  std::optional<Time> expires_at = {};  // of its token
  // Its roles in environments, by their names.
  std::vector<std::pair<std::string, std::string>> roles = {};
};

struct MadeServiceUser {
  store::ServiceUser user;
  TokenPair pair;  // the secret is shown once
};

class ServiceUserRules {
 public:
  ServiceUserRules(const Identity& identity, Random& random)
      : identity_(identity), random_(random) {}

  // errors  PERMISSION_DENIED · INVALID_ARGUMENT name, role · ALREADY_EXISTS · NOT_FOUND
  // environment
  Result<MadeServiceUser> create(store::Tx& tx, const Actor& actor,
                                 const NewServiceUser& wanted) const;
  // Its tokens end with it; apps that it deployed stay.   errors  PERMISSION_DENIED · NOT_FOUND
  static Result<store::ServiceUser> remove(store::Tx& tx, const Actor& actor,
                                           std::string_view name_or_id);

 private:
  const Identity& identity_;
  Random& random_;
};

}  // namespace ionian::services
