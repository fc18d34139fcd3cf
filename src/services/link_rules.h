#pragma once
// One-time links that people pass on: an invitation to a workspace, a new password. What is
// allowed, what is written, what the audit log keeps. No mail is sent: the key is shown once to who
// made it.
#include "services/identity.h"
#include "services/member_rules.h"
#include "store/links.h"

namespace ionian::services {

struct MadeLink {
  store::Link link;
  std::string key;  // shown once
};

struct NewAccount {
  std::string name, email, password_hash;
};

class LinkRules {
 public:
  static constexpr Duration kLife = 24h * 7;
  static constexpr std::size_t kNameMax = 64;

  LinkRules(Random& random, const KeyFile& key) : random_(random), key_(key) {}

  // A former invitation of the same address ends.
  // errors  INVALID_ARGUMENT email, role · PERMISSION_DENIED · ALREADY_EXISTS they are a member
  Result<MadeLink> invite(store::Tx& tx, const Actor& actor, const std::string& email,
                          const std::string& role) const;
  // The same invitation under a new key.   errors  NOT_FOUND · PERMISSION_DENIED
  Result<MadeLink> renew(store::Tx& tx, const Actor& actor, const store::LinkId& id) const;
  static Result<store::Link> withdraw(store::Tx& tx, const Actor& actor, const store::LinkId& id);

  // A link by which a member chooses a new password. Only who rules over all that the password
  // opens may make one: a person in several workspaces gets it on the machine itself. errors
  // NOT_FOUND · PERMISSION_DENIED · FAILED_PRECONDITION in several workspaces
  Result<MadeLink> new_password(store::Tx& tx, const Actor& actor, const UserId& user) const;

  // The link of a key, whether it still holds or not.
  std::optional<store::Link> find(store::View& view, const std::string& key) const;
  // Makes the account and the membership.
  // errors  NOT_FOUND the link has ended · INVALID_ARGUMENT name, email · ALREADY_EXISTS email
  Result<UserId> join_anew(store::Tx& tx, const Actor& actor, const std::string& key,
                           const NewAccount& account) const;
  // Somebody with an account joins.   errors  NOT_FOUND the link has ended · ALREADY_EXISTS a
  // member
  Result<void> join(store::Tx& tx, const Actor& actor, const std::string& key) const;
  // Writes the password down; returns whose it is.   errors  NOT_FOUND the link has ended
  Result<store::User> set_password(store::Tx& tx, const Actor& actor, const std::string& key,
                                   const std::string& password_hash) const;

  // INVALID_ARGUMENT with the words for the field.
  static Result<void> check_email(std::string_view email);
  static Result<void> check_name(std::string_view name);

 private:
  Result<MadeLink> make(store::Tx& tx, const Actor& actor, std::string kind, std::string email,
                        std::string role) const;
  Result<store::Link> open_link(store::View& view, const Actor& actor, const std::string& key,
                                std::string_view kind) const;
  Random& random_;
  const KeyFile& key_;
};

}  // namespace ionian::services
