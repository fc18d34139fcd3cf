#pragma once
// Who calls: tokens of clients, sockets of containers, the unix socket of the data folder's owner.
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

// The server's key file (32 random bytes, 0600, made at the first start): keys the hashes of token secrets and seals
// the values of secrets. Without it neither can be read, so it is backed up apart from the database.
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

 private:
  explicit KeyFile(std::string key) : key_(std::move(key)) {}
  std::string subkey(std::uint64_t id) const;
  std::string key_;
};

class Identity final : public rpc::Authenticator {
 public:
  Identity(store::Store& store, const KeyFile& key, const rpc::FdNumbers& numbers, const Clock& clock)
      : store_(store), key_(key), numbers_(numbers), clock_(clock) {}

  Result<rpc::Caller> authenticate(const rpc::RequestHeaders& headers, const std::string& peer) override;

  // A container's calls carry this identity from now on, until it is forgotten.
  void add_task(const TaskId& id, rpc::Caller caller);
  void forget_task(const TaskId& id);

  // Makes a pair and its record; the caller stores the record.
  std::pair<TokenPair, store::Token> make_token(Random& random, const WorkspaceId& workspace, std::string principal, std::string name) const;
  // A fresh secret, with its checksum.
  static std::string make_secret(Random& random);
  // Tokens, users or roles have changed: what is remembered of tokens is dropped.
  void forget_tokens();

 private:
  struct Known {
    store::Token token;
    rpc::WorkspaceRole role = rpc::WorkspaceRole::kNone;  // of its principal
    std::shared_ptr<std::atomic<std::int64_t>> noted_ms;  // when its use was last written down
    std::shared_ptr<const std::vector<EnvironmentId>> only;  // of a scoped token
  };
  Result<rpc::Caller> check_token(const rpc::RequestHeaders& headers, const std::string& address);
  static Result<void> check_alive(const Known& known, Time now);
  static rpc::Caller caller_of(const Known& known);
  std::optional<Known> find(const TokenId& id);
  void note_used(const Known& known, const std::string& address);
  static constexpr std::size_t kRememberedMax = 100'000;

  store::Store& store_;
  const KeyFile& key_;
  const rpc::FdNumbers& numbers_;
  const Clock& clock_;
  FailureLimits failures_;
  std::shared_mutex mutex_;
  std::uint64_t generation_ = 0;                      // guarded by mutex_
  std::unordered_map<TokenId, Known> tokens_;         // guarded by mutex_
  std::unordered_map<TaskId, rpc::Caller> tasks_;     // guarded by mutex_
};

}  // namespace ionian::services
