#pragma once
// Who calls: tokens of clients, sockets of containers, the unix socket of the data folder's owner.
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "rpc/fd_numbers.h"
#include "rpc/pipeline.h"
#include "services/failure_limits.h"
#include "store/tokens.h"

namespace ionian::services {

// A token pair as it is shown, once.
struct TokenPair {
  TokenId id;
  std::string secret;
};

// The server's key file (32 random bytes, 0600, made at the first start): keys the hashes of token
// secrets and seals the values of secrets. Without it neither can be read, so it is backed up apart
// from the database.
class KeyFile {
 public:
  static Result<KeyFile> open(const std::string& path, Random& random);

  // Keyed hash of a token's secret.
  std::string hash(std::string_view secret) const;
  std::string seal(std::string_view plain, Random& random) const;
  // DATA_LOSS if it was sealed with another key or is damaged.
  Result<std::string> unseal(std::string_view sealed) const;
  // MAC of a short text, for signed URLs; hex.
  std::string sign(std::string_view text) const;

  // A new key for what is sealed. From the first on the file holds both keys and `seal` uses the
  // new one; once everything is sealed anew the second removes the former. A server that ended
  // between them goes on with the rotation that was begun.
  Result<void> begin_rotation(Random& random);
  Result<void> end_rotation();

 private:
  struct SealKeys {
    std::mutex mutex;
    std::string now, former;  // guarded by mutex; former: "" = none
  };
  KeyFile(std::string path, std::string bytes);
  Result<void> write() const;
  std::string subkey(std::uint64_t id) const;
  std::string path_;
  std::string key_;
  std::unique_ptr<SealKeys> seal_;
};

class AuthTokens;

class Identity final : public rpc::Authenticator {
 public:
  Identity(store::Store& store, const KeyFile& key, const AuthTokens& auth_tokens,
           const rpc::FdNumbers& numbers, const Clock& clock)
      : store_(store), key_(key), auth_tokens_(auth_tokens), numbers_(numbers), clock_(clock) {}

  Result<rpc::Caller> authenticate(const rpc::RequestHeaders& headers,
                                   const std::string& peer) override;

  // A container's calls carry this identity from now on, until it is forgotten.
  void add_task(const TaskId& id, rpc::Caller caller);
  void forget_task(const TaskId& id);
  std::optional<rpc::Caller> task(const TaskId& id);

  // Makes a pair and its record; the caller stores the record.
  std::pair<TokenPair, store::Token> make_token(Random& random, const WorkspaceId& workspace,
                                                std::string principal, std::string name) const;
  // A fresh secret, with its checksum.
  static std::string make_secret(Random& random);
  // Tokens, users or roles have changed: what is remembered of tokens is dropped.
  void forget_tokens();

 private:
  struct Known {
    store::Token token;
    rpc::WorkspaceRole role = rpc::WorkspaceRole::kNone;  // of its principal
    mutable std::atomic<std::int64_t> noted_ms = 0;       // when its use was last written down
  };
  Result<rpc::Caller> check_token(const rpc::RequestHeaders& headers, const std::string& address);
  // A short-lived token, which is worth no more than the pair or the container behind it.
  Result<rpc::Caller> check_bearer(const std::string& bearer);
  using KnownPtr = std::shared_ptr<const Known>;
  static Result<void> check_alive(const Known& known, Time now);
  static rpc::Caller caller_of(const KnownPtr& known);
  KnownPtr find(const TokenId& id);  // null: there is none
  void note_used(const Known& known, const std::string& address);
  static constexpr std::size_t kRememberedMax = 100'000;

  store::Store& store_;
  const KeyFile& key_;
  const AuthTokens& auth_tokens_;
  const rpc::FdNumbers& numbers_;
  const Clock& clock_;
  FailureLimits failures_;
  std::shared_mutex mutex_;
  std::uint64_t generation_ = 0;                   // guarded by mutex_
  std::unordered_map<TokenId, KnownPtr> tokens_;   // guarded by mutex_
  std::unordered_map<TaskId, rpc::Caller> tasks_;  // guarded by mutex_
};

}  // namespace ionian::services
