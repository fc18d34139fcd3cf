#include "services/identity.h"

#include <sodium.h>
#include <zlib.h>

namespace ionian::services {
namespace {

// Six characters that let a scanner tell a real secret from a text that only looks like one.
std::string checksum(std::string_view body) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::uint64_t crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  std::string out(6, '0');
  for (int i = 5; i >= 0; --i, crc /= 62) out[static_cast<std::size_t>(i)] = kAlphabet[crc % 62];
  return out;
}

std::unexpected<Status> unknown() {
  return fail(Code::kUnauthenticated,
              "token is not known to this server, or its secret is wrong. Check MODAL_TOKEN_ID, MODAL_TOKEN_SECRET and "
              "MODAL_SERVER_URL, or get a new token with `modal setup`");
}

}  // namespace

Result<rpc::Caller> Identity::authenticate(const rpc::RequestHeaders& headers, const std::string& peer) {
  if (peer.starts_with("fd:")) {
    const std::optional<TaskId> task = numbers_.task_of(peer);
    std::shared_lock lock(mutex_);
    const auto it = task ? tasks_.find(*task) : tasks_.end();
    if (it == tasks_.end()) return fail(Code::kUnauthenticated, "this container is no longer known to the server");
    return it->second;
  }
  if (peer.starts_with("unix:")) return rpc::Caller{.kind = rpc::CallerKind::kOwner};
  if (headers.token_id.empty() && headers.token_secret.empty()) return rpc::Caller{};
  return check_token(headers);
}

Result<rpc::Caller> Identity::check_token(const rpc::RequestHeaders& headers) {
  const std::optional<store::Token> token = find(TokenId(headers.token_id));
  // The hash is taken and compared also for an unknown id, so that time does not tell the two apart.
  const std::string hash = key_.hash(headers.token_secret);
  static const std::string nobody(32, '\0');
  const std::string& wanted = token ? token->secret_hash : nobody;
  const bool same = wanted.size() == hash.size() && sodium_memcmp(wanted.data(), hash.data(), hash.size()) == 0;
  if (!token || !same) return unknown();
  if (token->revoked_at) return fail(Code::kUnauthenticated, "token ", token->id, " was revoked. Get a new one with `modal setup`");
  if (token->expires_at && *token->expires_at <= clock_.now())
    return fail(Code::kUnauthenticated, "token ", token->id, " has expired. Get a new one with `modal setup`");
  return rpc::Caller{.kind = rpc::CallerKind::kToken, .workspace = token->workspace, .token = token->id};
}

std::optional<store::Token> Identity::find(const TokenId& id) {
  {
    std::shared_lock lock(mutex_);
    if (const auto it = tokens_.find(id); it != tokens_.end()) return it->second;
  }
  std::optional<store::Token> token = store_.read([&](store::View& view) { return store::find_token(view, id); });
  if (token) {
    std::unique_lock lock(mutex_);
    if (tokens_.size() >= kRememberedMax) tokens_.clear();
    tokens_.emplace(id, *token);
  }
  return token;
}

void Identity::add_task(const TaskId& id, rpc::Caller caller) {
  std::unique_lock lock(mutex_);
  tasks_.insert_or_assign(id, std::move(caller));
}

void Identity::forget_task(const TaskId& id) {
  std::unique_lock lock(mutex_);
  tasks_.erase(id);
}

void Identity::forget_token(const TokenId& id) {
  std::unique_lock lock(mutex_);
  tokens_.erase(id);
}

std::pair<TokenPair, store::Token> Identity::make_token(Random& random, const WorkspaceId& workspace, std::string name) const {
  TokenPair pair;
  pair.id = TokenId::make(random, clock_.now());
  const std::string body = random_base62(random, 22);
  pair.secret = cat("as-", body, checksum(body));
  store::Token token{.id = pair.id, .workspace = workspace, .name = std::move(name), .secret_hash = key_.hash(pair.secret), .created_at = clock_.now()};
  return {std::move(pair), std::move(token)};
}

}  // namespace ionian::services
