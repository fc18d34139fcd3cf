#include "services/member_rules.h"

#include <algorithm>

#include "services/access.h"
#include "services/roles.h"
#include "store/links.h"
#include "store/tokens.h"

namespace ionian::services {

using rpc::WorkspaceRole;

Result<store::Member> MemberRules::changeable(store::View& view, const Actor& actor,
                                              const UserId& user) {
  const auto members = store::list_members(view, actor.workspace);
  const auto it = std::ranges::find(members, user, &store::Member::user);
  if (it == members.end())
    return fail(Code::kNotFound, "user '", user, "' is no member of this workspace");
  TRY(needs_manager(actor, "changing members"));
  if (it->role == "owner" && !at_least(actor, WorkspaceRole::kOwner))
    return fail(Code::kPermissionDenied,
                "changing an owner needs the role owner in this workspace");
  return *it;
}

Result<void> MemberRules::may_give(const Actor& actor, const std::string& role) {
  const WorkspaceRole wanted = workspace_role_of(role);
  if (wanted == WorkspaceRole::kNone)
    return fail(Code::kInvalidArgument, "'", role,
                "' is no role in a workspace: owner, manager or member");
  if (!at_least(actor, wanted))
    return fail(Code::kPermissionDenied, "giving the role ", role, " needs the role ", role,
                " in this workspace");
  return {};
}

Result<void> MemberRules::not_the_last_owner(store::View& view, const Actor& actor,
                                             const store::Member& member) {
  if (member.role != "owner" || store::count_owners(view, actor.workspace) > 1) return {};
  const auto workspace = store::find_workspace(view, actor.workspace);
  return fail(Code::kFailedPrecondition, workspace ? workspace->name : "a workspace",
              " needs an owner. Make somebody else owner first.");
}

Result<store::Member> MemberRules::change_role(store::Tx& tx, const Actor& actor,
                                               const UserId& user, const std::string& role) {
  ASSIGN_OR_RETURN(store::Member member, changeable(tx, actor, user));
  TRY(may_give(actor, role));
  if (role != "owner") TRY(not_the_last_owner(tx, actor, member));
  store::set_member(tx, actor.workspace, user, role, actor.now);
  store::withdraw_password_links(tx, member.email, actor.now);
  audit(tx, actor, "member.role", user.str(), cat(member.name, ": ", member.role, " -> ", role));
  member.role = role;
  return member;
}

Result<RemovedMember> MemberRules::remove(store::Tx& tx, const Actor& actor, const UserId& user) {
  ASSIGN_OR_RETURN(const store::Member member, changeable(tx, actor, user));
  TRY(not_the_last_owner(tx, actor, member));
  const std::int64_t tokens =
      store::revoke_tokens_of(tx, actor.workspace, user.str(), actor.now, actor.principal);
  store::remove_member(tx, actor.workspace, user);
  store::withdraw_password_links(tx, member.email, actor.now);
  audit(tx, actor, "member.remove", user.str(), cat(member.name, ", ", tokens, " tokens revoked"));
  return RemovedMember{member.name, tokens};
}

}  // namespace ionian::services
