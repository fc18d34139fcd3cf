#pragma once
// Changes of who belongs to a workspace and as what: what is allowed, what is written, what the
// audit log keeps. After the commit the caller drops what is remembered (forget_identities), and
// gives the person's browser sessions new values.
#include "services/actor.h"

namespace ionian::services {

struct RemovedMember {
  std::string name;
  std::int64_t tokens = 0;  // that were revoked
};

struct MemberRules {
  // Somebody whom the actor may change: as a manager anybody but owners, as an owner anybody.
  // errors  NOT_FOUND · PERMISSION_DENIED
  static Result<store::Member> changeable(store::View& view, const Actor& actor,
                                          const UserId& user);
  // `role`: "owner", "manager", "member"; nobody gives more than they have.
  // errors  as above · INVALID_ARGUMENT role · FAILED_PRECONDITION the last owner
  static Result<store::Member> change_role(store::Tx& tx, const Actor& actor, const UserId& user,
                                           const std::string& role);
  // Their tokens in this workspace are revoked, their roles in its environments go; their apps
  // stay. errors  NOT_FOUND · PERMISSION_DENIED · FAILED_PRECONDITION the last owner
  static Result<RemovedMember> remove(store::Tx& tx, const Actor& actor, const UserId& user);
  // INVALID_ARGUMENT for no role of a workspace, PERMISSION_DENIED for one above the actor's.
  static Result<void> may_give(const Actor& actor, const std::string& role);
  // FAILED_PRECONDITION if nobody would own the workspace without this member.
  static Result<void> not_the_last_owner(store::View& view, const Actor& actor,
                                         const store::Member& member);
};

}  // namespace ionian::services
