#include "services/auth_tokens.h"

#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/same_secret.h"
#include "store/tokens.h"

namespace ionian::services {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string mac_of(std::string_view text, const std::string& key) {
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256(bytes(mac), bytes(text), text.size(), bytes(std::string_view(key)));
  return mac;
}

std::string make_key(Random& random) {
  std::string key(crypto_auth_hmacsha256_KEYBYTES, '\0');
  random.fill({bytes(key), key.size()});
  return key;
}

}  // namespace

Result<AuthTokens::Keys> AuthTokens::read(store::View& view) const {
  Keys keys;
  for (const store::SigningKey& sealed : store::list_signing_keys(view)) {
    ASSIGN_OR_RETURN(std::string plain, key_.unseal(sealed.sealed));
    keys.push_back({sealed.number, std::move(plain)});
  }
  return keys;
}

Result<void> AuthTokens::load(store::Tx& tx, Random& random, Time now) {
  ASSIGN_OR_RETURN(Keys keys, read(tx));
  if (keys.empty()) {
    store::insert_signing_key(tx, key_.seal(make_key(random), random), now);
    ASSIGN_OR_RETURN(keys, read(tx));
  }
  std::lock_guard lock(mutex_);
  keys_ = next_ = std::make_shared<const Keys>(std::move(keys));
  return {};
}

Result<void> AuthTokens::rotate(store::Tx& tx, Random& random, Time now) {
  // A key is of no use once the one after it is older than the longest-lived token.
  store::delete_spent_signing_keys(tx, now - kLife);
  store::insert_signing_key(tx, key_.seal(make_key(random), random), now);
  ASSIGN_OR_RETURN(Keys keys, read(tx));
  std::lock_guard lock(mutex_);
  next_ = std::make_shared<const Keys>(std::move(keys));
  return {};
}

void AuthTokens::loaded() {
  std::lock_guard lock(mutex_);
  keys_ = next_;
}

std::shared_ptr<const AuthTokens::Keys> AuthTokens::keys() const {
  std::lock_guard lock(mutex_);
  return keys_;
}

std::string AuthTokens::issue(const rpc::Caller& caller, Random& random, Time now,
                              const TaskId& task) const {
  const Key key = keys()->front();
  const std::string head = base64url(
      nlohmann::json{{"alg", "HS256"}, {"kid", std::to_string(key.number)}, {"typ", "JWT"}}.dump());
  std::string payload;
  // A fresh nonce until the text is one that atob takes; about one draw in ten is not.
  do {
    nlohmann::json claims = {{"sub", caller.task.empty() ? caller.token.str() : caller.task.str()},
                             {"ws", caller.workspace.str()},
                             {"exp", to_unix_ms(now + kLife) / 1000},
                             {"n", random_base62(random, 8)}};
    if (!task.empty()) claims["task"] = task.str();
    payload = base64url(claims.dump());
  } while (payload.find_first_of("-_") != std::string::npos);
  const std::string signed_part = cat(head, '.', payload);
  return cat(signed_part, '.', base64url(mac_of(signed_part, key.bytes)));
}

Result<AuthClaims> AuthTokens::verify(std::string_view token, Time now) const {
  const auto refused = [](std::string_view why) {
    return fail(Code::kUnauthenticated, "the auth token ", why,
                ". Ask for a new one with AuthTokenGet");
  };
  const std::size_t last = token.rfind('.'), first = token.find('.');
  if (first == std::string_view::npos || first == last) return refused("is not one of this server");
  const std::string_view signed_part = token.substr(0, last);
  const auto all = keys();
  const bool ours = std::any_of(all->begin(), all->end(), [&](const Key& key) {
    const std::string wanted = base64url(mac_of(signed_part, key.bytes));
    const std::string_view given = token.substr(last + 1);
    return same_secret(given, wanted);
  });
  if (!ours) return refused("is not one of this server");
  const nlohmann::json claims =
      nlohmann::json::parse(from_base64url(token.substr(first + 1, last - first - 1)).value_or(""));
  const Time expires = from_unix_ms(claims.at("exp").get<std::int64_t>() * 1000);
  if (expires <= now) return refused(cat("expired at ", utc_text(expires)));
  AuthClaims made{.token = {},
                  .holder = {},
                  .workspace = WorkspaceId(claims.at("ws").get<std::string>()),
                  .expires = expires,
                  .task = TaskId(claims.value("task", ""))};
  if (std::string holder = claims.at("sub"); holder.starts_with("ta-"))
    made.holder = TaskId(std::move(holder));
  else
    made.token = TokenId(std::move(holder));
  return made;
}

}  // namespace ionian::services
