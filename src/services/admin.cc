#include "services/admin.h"

#include <sys/stat.h>

#include "services/link_rules.h"
#include "services/token_rules.h"
#include "services/workspaces.h"
#include "store/audit.h"
#include "store/secrets.h"

#include "store/workspaces.h"

namespace ionian::services {

namespace {

std::optional<store::User> user_of(store::View& view, const std::string& email_or_name) {
  auto user = store::find_user_by_email(view, email_or_name);
  return user ? user : store::find_user_by_name(view, email_or_name);
}

// The first owner of the server, if the workspace is theirs too; else the first of its own.
std::optional<store::User> owner_of(store::View& view, const WorkspaceId& workspace) {
  const auto first = store::find_first_user(view);
  if (first && store::member_role(view, workspace, first->id) == "owner") return first;
  for (const store::Member& member : store::list_members(view, workspace))
    if (member.role == "owner") return store::find_user(view, member.user);
  return std::nullopt;
}

// A workspace with the environment that every program finds.
store::Workspace make_workspace(store::Tx& tx, Random& random, std::string_view name, Time now) {
  const store::Workspace workspace{.id = WorkspaceId::make(random, now), .name = std::string(name)};
  store::insert_workspace(tx, workspace, now);
  store::insert_environment(tx,
                            {.id = EnvironmentId::make(random, now),
                             .workspace = workspace.id,
                             .name = std::string(kFirstEnvironment),
                             .web_suffix = "",
                             .image_builder_version = "",
                             .is_default = true},
                            now);
  return workspace;
}

}  // namespace

Result<void> make_first_workspace(store::Tx& tx, Random& random, Time now) {
  if (store::find_first_workspace(tx)) return {};
  const store::Workspace workspace = make_workspace(tx, random, kFirstWorkspace, now);
  // The owner exists from the first start on; a password comes with the one-time link.
  const store::User owner{.id = UserId::make(random, now),
                          .name = std::string(kFirstUser),
                          .email = "",
                          .password_hash = "",
                          .created_at = now};
  store::insert_user(tx, owner);
  store::set_member(tx, workspace.id, owner.id, "owner", now);
  return {};
}

Result<void> make_owner_account(store::Tx& tx, const std::string& email,
                                const std::string& password, Time now) {
  if (email.find('@') == std::string::npos)
    return fail(Code::kInvalidArgument, "--owner-email '", email, "' is no email address");
  if (password.size() < 12)
    return fail(Code::kInvalidArgument, "the owner's password has 12 characters or more");
  auto owner = store::find_first_user(tx);
  if (!owner || !owner->password_hash.empty()) return {};
  owner->email = email;
  ASSIGN_OR_RETURN(owner->password_hash, SignIns::hash_password(password));
  store::update_user(tx, *owner);
  store::append_audit(tx, {.at = now,
                           .workspace = store::first_workspace_of(tx, owner->id),
                           .actor = "owner",
                           .source = "stdin",
                           .action = "owner.create",
                           .target = email});
  return {};
}

void Admin::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("TokenCreate", &Admin::create_token, rpc::Access::kOwner);
  on("TokenList", &Admin::list_tokens, rpc::Access::kOwner);
  on("TokenRevoke", &Admin::revoke_token, rpc::Access::kOwner);
  on("OwnerLink", &Admin::owner_link, rpc::Access::kOwner);
  on("WorkspaceCreate", &Admin::create_workspace, rpc::Access::kOwner);
  on("WorkspaceList", &Admin::list_workspaces, rpc::Access::kOwner);
  on("PasswordLink", &Admin::password_link, rpc::Access::kOwner);
  on("Audit", &Admin::audit, rpc::Access::kOwner);
  on("Backup", &Admin::backup, rpc::Access::kOwner);
  on("SigningKeyRotate", &Admin::rotate_signing_key, rpc::Access::kOwner);
  on("SecretKeyRotate", &Admin::rotate_secret_key, rpc::Access::kOwner);
  on("Status", &Admin::status, rpc::Access::kOwner);
}

Result<TokenCreateResponse> Admin::create_token(rpc::Call& call, const TokenCreateRequest& request,
                                                store::Tx& tx) {
  const std::string& name = request.workspace();
  const auto workspace =
      name.empty() ? store::find_first_workspace(tx) : store::find_workspace_by_name(tx, name);
  if (!workspace) return fail(Code::kNotFound, "workspace '", name, "' not found");
  const auto owner =
      request.user().empty() ? owner_of(tx, workspace->id) : user_of(tx, request.user());
  if (!owner || store::member_role(tx, workspace->id, owner->id).empty())
    return fail(Code::kNotFound, "user '", request.user(), "' is no member of workspace '",
                workspace->name, "'");
  call.caller.workspace = workspace->id;
  NewToken wanted{.principal = owner->id.str(),
                  .name = request.name(),
                  .role = request.role(),
                  .scoped = !request.environments().empty()};
  for (const std::string& environment : request.environments()) {
    const auto found = store::find_environment(tx, workspace->id, environment);
    if (!found || environment.empty())
      return fail(Code::kNotFound, "environment '", environment, "' not found in workspace '",
                  workspace->name, "'");
    wanted.environments.push_back(found->id);
  }
  if (request.expires_in_seconds())
    wanted.expires_at = call.now + 1s * request.expires_in_seconds();
  wanted.name = TokenRules::free_name(tx, workspace->id, wanted.principal, wanted.name);
  ASSIGN_OR_RETURN(const TokenPair pair,
                   TokenRules(c_.identity, c_.random, c_.key).create(tx, actor_of(call), wanted));
  TokenCreateResponse reply;
  reply.set_token_id(pair.id.str());
  reply.set_token_secret(pair.secret);
  reply.set_server_url(facts_.grpc_url);
  reply.set_workspace(workspace->name);
  return reply;
}

Result<OwnerLinkResponse> Admin::owner_link(rpc::Call& call, const OwnerLinkRequest&,
                                            store::View& view) {
  const auto owner = store::find_first_user(view);
  if (!owner || !owner->password_hash.empty())
    return fail(Code::kFailedPrecondition,
                "the owner has an account already: ", owner ? owner->email : "");
  OwnerLinkResponse reply;
  reply.set_url(cat(c_.public_url, "/first-owner?key=", c_.sign_ins.make_owner_key(call.now)));
  return reply;
}

Result<TokenListResponse> Admin::list_tokens(rpc::Call&, const TokenListRequest&,
                                             store::View& view) {
  const auto workspace = store::find_first_workspace(view);
  if (!workspace) return fail(Code::kNotFound, "there is no workspace");
  const auto ms = [](const std::optional<Time>& t) { return t ? to_unix_ms(*t) : 0; };
  TokenListResponse reply;
  for (const store::Token& token : store::list_tokens(view, workspace->id, "")) {
    auto* row = reply.add_tokens();
    row->set_token_id(token.id.str());
    row->set_name(token.name);
    row->set_workspace(workspace->name);
    row->set_created_at_ms(to_unix_ms(token.created_at));
    row->set_last_used_at_ms(ms(token.last_used_at));
    row->set_revoked_at_ms(ms(token.revoked_at));
    row->set_expires_at_ms(ms(token.expires_at));
  }
  return reply;
}

Result<TokenRevokeResponse> Admin::revoke_token(rpc::Call& call, const TokenRevokeRequest& request,
                                                store::Tx& tx) {
  const auto token = store::find_token(tx, TokenId(request.token_id()));
  if (!token) return fail(Code::kNotFound, "token '", request.token_id(), "' not found");
  call.caller.workspace = token->workspace;
  TRY(TokenRules::revoke(tx, actor_of(call), token->id));
  call.after_commit([this] { c_.forget_identities(); });
  return TokenRevokeResponse();
}

Result<WorkspaceCreateResponse> Admin::create_workspace(rpc::Call& call,
                                                        const WorkspaceCreateRequest& request,
                                                        store::Tx& tx) {
  TRY(check_workspace_name(request.name()));
  if (store::find_workspace_by_name(tx, request.name()))
    return fail(Code::kAlreadyExists, "workspace '", request.name(), "' already exists");
  auto owner = request.owner().empty() ? store::find_first_user(tx) : user_of(tx, request.owner());
  const bool fresh = !owner;
  if (fresh) {
    if (!LinkRules::check_email(request.owner()))
      return fail(Code::kNotFound, "nobody here is called '", request.owner(),
                  "'; a new owner is named by an email address");
    owner = store::User{.id = UserId::make(c_.random, call.now),
                        .name = request.owner().substr(0, request.owner().find('@')),
                        .email = request.owner(),
                        .password_hash = "",
                        .created_at = call.now};
    store::insert_user(tx, *owner);
  }
  const store::Workspace workspace = make_workspace(tx, c_.random, request.name(), call.now);
  store::set_member(tx, workspace.id, owner->id, "owner", call.now);
  call.caller.workspace = workspace.id;
  c_.audit(tx, call, "workspace.create", workspace.id.str(),
           cat(workspace.name, ", owned by ", owner->name));
  WorkspaceCreateResponse reply;
  reply.set_workspace_id(workspace.id.str());
  if (fresh) {
    ASSIGN_OR_RETURN(const MadeLink made,
                     LinkRules(c_.random, c_.key).new_password(tx, actor_of(call), owner->id));
    reply.set_password_url(cat(c_.public_url, "/password?key=", made.key));
  }
  return reply;
}

Result<WorkspaceListResponse> Admin::list_workspaces(rpc::Call&, const WorkspaceListRequest&,
                                                     store::View& view) {
  WorkspaceListResponse reply;
  for (const store::Workspace& workspace : store::list_workspaces(view)) {
    auto* row = reply.add_workspaces();
    row->set_workspace_id(workspace.id.str());
    row->set_name(workspace.name);
    const auto members = store::list_members(view, workspace.id);
    for (const store::Member& member : members)
      if (member.role == "owner") row->add_owners(member.name);
    row->set_members(static_cast<std::int32_t>(members.size()));
    row->set_environments(
        static_cast<std::int32_t>(store::list_environments(view, workspace.id).size()));
  }
  return reply;
}

Result<PasswordLinkResponse> Admin::password_link(rpc::Call& call,
                                                  const PasswordLinkRequest& request,
                                                  store::Tx& tx) {
  const auto user = user_of(tx, request.user());
  if (!user)
    return fail(Code::kNotFound, "nobody here is called '", request.user(),
                "', and no account has that address");
  if (user->email.empty())
    return fail(Code::kFailedPrecondition, "'", request.user(),
                "' has no account yet; `ionian admin owner-link` makes one");
  call.caller.workspace = store::first_workspace_of(tx, user->id);
  ASSIGN_OR_RETURN(const MadeLink made,
                   LinkRules(c_.random, c_.key).new_password(tx, actor_of(call), user->id));
  PasswordLinkResponse reply;
  reply.set_url(cat(c_.public_url, "/password?key=", made.key));
  return reply;
}

Result<AuditResponse> Admin::audit(rpc::Call& call, const AuditRequest& request,
                                   store::View& view) {
  store::AuditRange range{.workspace = {},
                          .actor = "",
                          .text = "",
                          .oldest = from_unix_ms(request.since_ms()),
                          .newest = call.now,
                          .below = request.below()};
  if (!request.workspace().empty()) {
    const auto workspace = store::find_workspace_by_name(view, request.workspace());
    if (!workspace) return fail(Code::kNotFound, "workspace '", request.workspace(), "' not found");
    range.workspace = workspace->id;
  }
  AuditResponse reply;
  for (const store::AuditEntry& entry : store::list_audit_range(view, range, kAuditPage)) {
    auto* row = reply.add_entries();
    row->set_number(entry.number);
    row->set_at_ms(to_unix_ms(entry.at));
    if (const auto workspace = store::find_workspace(view, entry.workspace))
      row->set_workspace(workspace->name);
    row->set_actor(entry.actor);
    const auto user = store::find_user(view, UserId(entry.actor));
    const auto robot =
        user ? std::nullopt : store::find_service_user(view, entry.workspace, entry.actor);
    row->set_actor_name(user ? user->name : robot ? robot->name : entry.actor);
    row->set_token(entry.token);
    row->set_source(entry.source);
    row->set_action(entry.action);
    row->set_target(entry.target);
    row->set_detail(entry.detail);
  }
  return reply;
}

Result<BackupResponse> Admin::backup(rpc::Call&, const BackupRequest&, Slow&) {
  const std::string folder = facts_.data + "/backup";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return sys_fail(cat("cannot make ", folder));
  BackupResponse reply;
  reply.set_records(cat(folder, "/", random_base62(c_.random, 12), ".db"));
  TRY(c_.store.copy_to(reply.records()));
  return reply;
}

Result<SigningKeyRotateResponse> Admin::rotate_signing_key(rpc::Call& call,
                                                           const SigningKeyRotateRequest&,
                                                           store::Tx& tx) {
  TRY(c_.auth_tokens.rotate(tx, c_.random, call.now));
  if (const auto workspace = store::find_first_workspace(tx)) call.caller.workspace = workspace->id;
  c_.audit(tx, call, "signing_key.rotate", "");
  call.after_commit([this] { c_.auth_tokens.loaded(); });
  return SigningKeyRotateResponse();
}

Result<SecretKeyRotateResponse> Admin::rotate_secret_key(rpc::Call& call,
                                                         const SecretKeyRotateRequest&, Slow&) {
  TRY(c_.key.begin_rotation(c_.random));
  SecretKeyRotateResponse reply;
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    const auto reseal = [this](std::string_view sealed) -> Result<std::string> {
      ASSIGN_OR_RETURN(const std::string plain, c_.key.unseal(sealed));
      return c_.key.seal(plain, c_.random);
    };
    ASSIGN_OR_RETURN(const store::Resealed done, store::reseal_all(tx, reseal));
    reply.set_secrets(done.secrets);
    for (const store::Resealed::Damaged& each : done.damaged) {
      auto& damaged = *reply.add_damaged();
      damaged.set_id(each.id);
      damaged.set_name(each.name);
      damaged.set_environment(each.environment);
    }
    if (const auto workspace = store::find_first_workspace(tx))
      call.caller.workspace = workspace->id;
    c_.audit(tx, call, "secret_key.rotate", "");
    return {};
  }));
  // What neither key has opened is no reason to keep the former.
  TRY(c_.key.end_rotation());
  return reply;
}

Result<StatusResponse> Admin::status(rpc::Call&, const StatusRequest&, core::Core& core) {
  StatusResponse reply;
  reply.set_version(facts_.version);
  reply.set_started_at_ms(to_unix_ms(facts_.started));
  reply.set_grpc_url(facts_.grpc_url);
  reply.set_http_url(facts_.http_url);
  reply.set_tasks(static_cast<std::int32_t>(core.tasks().size()));
  reply.set_inputs(static_cast<std::int64_t>(core.live_inputs()));
  reply.set_calls(facts_.counters->calls);
  reply.set_network_warning(facts_.network_warning);
  return reply;
}

}  // namespace ionian::services
