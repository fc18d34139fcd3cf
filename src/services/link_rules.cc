#include "services/link_rules.h"

#include <algorithm>

#include "services/roles.h"

namespace ionian::services {
namespace {

bool is_member(store::View& view, const WorkspaceId& workspace, const std::string& email) {
  const auto user = store::find_user_by_email(view, email);
  return user && !store::member_role(view, workspace, user->id).empty();
}

}  // namespace

Result<void> LinkRules::check_email(std::string_view email) {
  const bool odd =
      std::ranges::any_of(email, [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
  const std::size_t at = email.find('@');
  if (!odd && email.size() <= 200 && at != 0 && at != email.npos && at + 1 < email.size())
    return {};
  return fail(Code::kInvalidArgument, "Write an email address.");
}

Result<void> LinkRules::check_name(std::string_view name) {
  const bool odd =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!odd && !name.empty() && name.size() <= kNameMax) return {};
  return fail(Code::kInvalidArgument, "Write a name of 1 to 64 characters.");
}

Result<MadeLink> LinkRules::make(store::Tx& tx, const Actor& actor, std::string kind,
                                 std::string email, std::string role) const {
  MadeLink made{.link = {.id = store::LinkId::make(random_, actor.now),
                         .kind = std::move(kind),
                         .workspace = actor.workspace,
                         .email = std::move(email),
                         .role = std::move(role),
                         .created_by = actor.principal,
                         .created_at = actor.now,
                         .expires_at = actor.now + kLife},
                .key = random_base62(random_, 32)};
  made.link.key_hash = key_.hash(made.key);
  store::withdraw_links_for(tx, actor.workspace, made.link.kind, made.link.email, actor.now);
  store::insert_link(tx, made.link);
  return made;
}

Result<MadeLink> LinkRules::invite(store::Tx& tx, const Actor& actor, const std::string& email,
                                   const std::string& role) const {
  TRY(needs_manager(actor, "inviting members"));
  TRY(check_email(email));
  TRY(MemberRules::may_give(actor, role));
  if (is_member(tx, actor.workspace, email))
    return fail(Code::kAlreadyExists, email, " is a member already.");
  ASSIGN_OR_RETURN(MadeLink made, make(tx, actor, "invitation", email, role));
  audit(tx, actor, "invitation.create", email, role);
  return made;
}

Result<MadeLink> LinkRules::renew(store::Tx& tx, const Actor& actor,
                                  const store::LinkId& id) const {
  TRY(needs_manager(actor, "inviting members"));
  const auto link = store::find_link(tx, actor.workspace, id);
  if (!link || link->kind != "invitation" || !link->open(actor.now))
    return fail(Code::kNotFound, "invitation '", id, "' not found");
  return invite(tx, actor, link->email, link->role);
}

Result<store::Link> LinkRules::withdraw(store::Tx& tx, const Actor& actor,
                                        const store::LinkId& id) {
  TRY(needs_manager(actor, "withdrawing invitations"));
  const auto link = store::find_link(tx, actor.workspace, id);
  if (!link || link->kind != "invitation" || !link->open(actor.now))
    return fail(Code::kNotFound, "invitation '", id, "' not found");
  store::withdraw_link(tx, id, actor.now);
  audit(tx, actor, "invitation.withdraw", link->email);
  return *link;
}

Result<MadeLink> LinkRules::new_password(store::Tx& tx, const Actor& actor,
                                         const UserId& user) const {
  ASSIGN_OR_RETURN(const store::Member member, MemberRules::changeable(tx, actor, user));
  if (member.email.empty())
    return fail(Code::kFailedPrecondition, member.name, " has no account to sign in with yet.");
  if (actor.principal != "owner" && store::list_memberships(tx, user).size() > 1)
    return fail(Code::kFailedPrecondition, member.name,
                " is in other workspaces too, which the password opens as well. On the server, "
                "`ionian admin reset-password ",
                member.email, "` makes the link.");
  ASSIGN_OR_RETURN(MadeLink made, make(tx, actor, "password", member.email, ""));
  audit(tx, actor, "password.link", user.str(), member.name);
  return made;
}

std::optional<store::Link> LinkRules::find(store::View& view, const std::string& key) const {
  if (key.empty()) return std::nullopt;
  return store::find_link_by_key(view, key_.hash(key));
}

Result<store::Link> LinkRules::open_link(store::View& view, const Actor& actor,
                                         const std::string& key, std::string_view kind) const {
  auto link = find(view, key);
  if (!link || link->kind != kind || !link->open(actor.now))
    return fail(Code::kNotFound, "this link has ended");
  return *std::move(link);
}

Result<UserId> LinkRules::join_anew(store::Tx& tx, const Actor& actor, const std::string& key,
                                    const NewAccount& account) const {
  ASSIGN_OR_RETURN(const store::Link link, open_link(tx, actor, key, "invitation"));
  TRY(check_name(account.name));
  TRY(check_email(account.email));
  if (store::find_user_by_email(tx, account.email))
    return fail(Code::kAlreadyExists,
                "There is an account with this email. Sign in, then open the link again.");
  const store::User user{.id = UserId::make(random_, actor.now),
                         .name = account.name,
                         .email = account.email,
                         .password_hash = account.password_hash,
                         .created_at = actor.now};
  store::insert_user(tx, user);
  store::set_member(tx, link.workspace, user.id, link.role, actor.now);
  store::use_link(tx, link.id, actor.now);
  Actor joined = actor;
  joined.workspace = link.workspace;
  joined.principal = user.id.str();
  audit(tx, joined, "invitation.accept", user.email, cat(user.name, " as ", link.role));
  return user.id;
}

Result<void> LinkRules::join(store::Tx& tx, const Actor& actor, const std::string& key) const {
  ASSIGN_OR_RETURN(const store::Link link, open_link(tx, actor, key, "invitation"));
  const auto user = store::find_user(tx, UserId(actor.principal));
  if (!user) return fail(Code::kNotFound, "there is no such account");
  if (!store::member_role(tx, link.workspace, user->id).empty())
    return fail(Code::kAlreadyExists, "You are a member already.");
  store::set_member(tx, link.workspace, user->id, link.role, actor.now);
  store::use_link(tx, link.id, actor.now);
  store::withdraw_password_links(tx, user->email, actor.now);
  Actor joined = actor;
  joined.workspace = link.workspace;
  audit(tx, joined, "invitation.accept", link.email, cat(user->name, " as ", link.role));
  return {};
}

Result<store::User> LinkRules::set_password(store::Tx& tx, const Actor& actor,
                                            const std::string& key,
                                            const std::string& password_hash) const {
  ASSIGN_OR_RETURN(const store::Link link, open_link(tx, actor, key, "password"));
  auto user = store::find_user_by_email(tx, link.email);
  if (!user) return fail(Code::kNotFound, "this link has ended");
  user->password_hash = password_hash;
  store::update_user(tx, *user);
  store::use_link(tx, link.id, actor.now);
  store::withdraw_password_links(tx, user->email, actor.now);
  Actor by_link = actor;
  by_link.workspace = link.workspace;
  by_link.principal = user->id.str();
  audit(tx, by_link, "password.change", user->email, "by link");
  return *std::move(user);
}

}  // namespace ionian::services
