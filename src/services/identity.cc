#include "services/identity.h"

#include "base/same_secret.h"
#include "services/access.h"
#include "services/actor.h"
#include "services/auth_tokens.h"

#include <sodium.h>
#include <zlib.h>

namespace ionian::services {
namespace {

// Six characters that let a scanner tell a real secret from a text that only looks like one.
std::string checksum(std::string_view body) {
  static constexpr char kAlphabet[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uint64_t crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  std::string out(6, '0');
  for (int i = 5; i >= 0; --i, crc /= 62) out[static_cast<std::size_t>(i)] = kAlphabet[crc % 62];
  return out;
}

std::unexpected<Status> unknown() {
  return fail(Code::kUnauthenticated,
              "token is not known to this server, or its secret is wrong. Check MODAL_TOKEN_ID, "
              "MODAL_TOKEN_SECRET and "
              "MODAL_SERVER_URL, or get a new token with `modal setup`");
}

// The secret, or during a rotation the one before it.
bool secret_fits(const store::Token& token, std::string_view hash, Time now) {
  if (same_secret(token.secret_hash, hash)) return true;
  return token.former_until && now < *token.former_until && same_secret(token.former_hash, hash);
}

}  // namespace

Result<rpc::Caller> Identity::authenticate(const rpc::RequestHeaders& headers,
                                           const std::string& peer) {
  if (peer.starts_with("fd:")) {
    const std::optional<TaskId> task = numbers_.task_of(peer);
    // Nobody's connection is one that the gateway has passed on, to the command router alone.
    if (!task && !headers.bearer.empty()) return check_bearer(headers.bearer);
    std::shared_lock lock(mutex_);
    const auto it = task ? tasks_.find(*task) : tasks_.end();
    if (it == tasks_.end())
      return fail(Code::kUnauthenticated, "this container is no longer known to the server");
    return it->second;
  }
  if (peer.starts_with("unix:")) return rpc::Caller{.kind = rpc::CallerKind::kOwner};
  if (!headers.bearer.empty() && headers.token_id.empty()) return check_bearer(headers.bearer);
  if (headers.token_id.empty() && headers.token_secret.empty()) return rpc::Caller{};
  return check_token(headers, address_of(peer));
}

Result<rpc::Caller> Identity::check_token(const rpc::RequestHeaders& headers,
                                          const std::string& address) {
  const Time now = clock_.now();
  TRY(failures_.check(now, address));
  const KnownPtr known = find(TokenId(headers.token_id));
  // The hash is taken and compared also for an unknown id, so that time does not tell the two
  // apart.
  const std::string hash = key_.hash(headers.token_secret);
  const bool fits = known && secret_fits(known->token, hash, now);
  if (!known) (void)same_secret(std::string(hash.size(), '\0'), hash);
  if (!fits) {
    TRY(failures_.note(now, address));
    return unknown();
  }
  TRY(check_alive(*known, now));
  note_used(*known, address);
  return caller_of(known);
}

Result<rpc::Caller> Identity::check_bearer(const std::string& bearer) {
  const Time now = clock_.now();
  ASSIGN_OR_RETURN(const AuthClaims claims, auth_tokens_.verify(bearer, now));
  if (!claims.task.empty() && !claims.holder.empty()) {
    std::optional<rpc::Caller> container = task(claims.holder);
    if (!container)
      return fail(Code::kUnauthenticated, "the container that this token was given to has ended");
    container->router_task = claims.task;
    return *std::move(container);
  }
  const KnownPtr known = claims.task.empty() ? nullptr : find(claims.token);
  if (!known)
    return fail(Code::kUnauthenticated,
                "this token is for no command router, or the token behind it is gone");
  TRY(check_alive(*known, now));
  rpc::Caller caller = caller_of(known);
  caller.router_task = claims.task;
  return caller;
}

Result<void> Identity::check_alive(const Known& known, Time now) {
  const store::Token& token = known.token;
  const auto ended = [&](std::string_view how) {
    return fail(Code::kUnauthenticated, "token ", token.id, how,
                ". Get a new one with `modal setup`");
  };
  if (token.revoked_at) return ended(cat(" was revoked at ", utc_text(*token.revoked_at)));
  if (token.disabled_at)
    return fail(Code::kUnauthenticated, "token ", token.id,
                " is disabled. A manager of the workspace can enable it again");
  if (token.expires_at && *token.expires_at <= now)
    return ended(cat(" expired at ", utc_text(*token.expires_at)));
  if (known.role == rpc::WorkspaceRole::kNone)
    return ended(" belongs to somebody who is no longer a member of its workspace");
  return {};
}

// A token never may more than its owner may now, and less if it says so.
rpc::Caller Identity::caller_of(const KnownPtr& known) {
  const store::Token& token = known->token;
  rpc::Caller caller{.kind = rpc::CallerKind::kToken,
                     .workspace = token.workspace,
                     .environment = {},
                     .token = token.id,
                     .principal = token.principal,
                     .role = known->role};
  caller.standing = known->role;
  caller.limited = !token.role.empty() || token.scoped;
  if (caller.limited) caller.role = std::min(caller.role, rpc::WorkspaceRole::kMember);
  if (token.role == "viewer") caller.most = rpc::EnvironmentRole::kViewer;
  if (token.scoped) caller.only = {known, &token.environments};
  return caller;
}

Identity::KnownPtr Identity::find(const TokenId& id) {
  std::uint64_t generation = 0;
  {
    std::shared_lock lock(mutex_);
    if (const auto it = tokens_.find(id); it != tokens_.end()) return it->second;
    generation = generation_;
  }
  KnownPtr known = store_.read([&](store::View& view) -> KnownPtr {
    auto token = store::find_token(view, id);
    if (!token) return nullptr;
    auto found = std::make_shared<Known>();
    found->token = *std::move(token);
    const store::Token& t = found->token;
    if (t.principal.starts_with("us-"))
      found->role = workspace_role_of(store::member_role(view, t.workspace, UserId(t.principal)));
    else if (store::find_service_user(view, t.workspace, t.principal))
      found->role = rpc::WorkspaceRole::kService;
    return found;
  });
  if (!known) return nullptr;
  std::unique_lock lock(mutex_);
  if (tokens_.size() >= kRememberedMax) tokens_.clear();
  // What was read before a change must not outlive it.
  if (generation == generation_) tokens_.emplace(id, known);
  return known;
}

// To the minute, and off the call's path: a clock of use, not a log of calls.
void Identity::note_used(const Known& known, const std::string& address) {
  const Time now = clock_.now();
  std::int64_t before = known.noted_ms.load(std::memory_order_relaxed);
  if (to_unix_ms(now) - before < 60'000 ||
      !known.noted_ms.compare_exchange_strong(before, to_unix_ms(now)))
    return;
  store_.write(
      [id = known.token.id, now, address](store::Tx& tx) -> Result<void> {
        store::note_token_used(tx, id, now, address);
        return {};
      },
      {});
}

void Identity::add_task(const TaskId& id, rpc::Caller caller) {
  std::unique_lock lock(mutex_);
  tasks_.insert_or_assign(id, std::move(caller));
}

void Identity::forget_task(const TaskId& id) {
  std::unique_lock lock(mutex_);
  tasks_.erase(id);
}

std::optional<rpc::Caller> Identity::task(const TaskId& id) {
  std::shared_lock lock(mutex_);
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? std::nullopt : std::optional(it->second);
}

void Identity::forget_tokens() {
  std::unique_lock lock(mutex_);
  ++generation_;
  tokens_.clear();
}

std::pair<TokenPair, store::Token> Identity::make_token(Random& random,
                                                        const WorkspaceId& workspace,
                                                        std::string principal,
                                                        std::string name) const {
  TokenPair pair{TokenId::make(random, clock_.now()), make_secret(random)};
  store::Token token{.id = pair.id,
                     .workspace = workspace,
                     .principal = std::move(principal),
                     .name = std::move(name),
                     .secret_hash = key_.hash(pair.secret),
                     .created_at = clock_.now()};
  return {std::move(pair), std::move(token)};
}

std::string Identity::make_secret(Random& random) {
  const std::string body = random_base62(random, 22);
  return cat("as-", body, checksum(body));
}

}  // namespace ionian::services
