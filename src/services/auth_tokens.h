#pragma once
// Short-lived tokens of AuthTokenGet, and the keys that sign them. Keys are kept in the store,
// sealed with the key file; a former key verifies until the last token that it signed has expired.
// Thread-safe.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/identity.h"

namespace ionian::services {

struct AuthClaims {
  TokenId token;  // the pair that it stands for; or
  TaskId holder;  // the container
  WorkspaceId workspace;
  Time expires;
  TaskId task;  // not empty: it is for the command router of this container, and nothing else
};

class AuthTokens {
 public:
  static constexpr Duration kLife = 1h;

  explicit AuthTokens(const KeyFile& key) : key_(key) {}

  // Takes the keys from the store; makes the first one. At start.
  Result<void> load(store::Tx& tx, Random& random, Time now);
  // A new key signs from the commit on; keys that verify nothing any more go. Call `loaded` after
  // the commit.
  Result<void> rotate(store::Tx& tx, Random& random, Time now);
  void loaded();

  // Three base64url parts. The middle one has neither - nor _, which JavaScript's atob would
  // refuse.
  std::string issue(const rpc::Caller& caller, Random& random, Time now,
                    const TaskId& task = {}) const;
  // UNAUTHENTICATED for any other text, and for one that has expired.
  Result<AuthClaims> verify(std::string_view token, Time now) const;

 private:
  struct Key {
    std::int64_t number = 0;
    std::string bytes;
  };
  using Keys = std::vector<Key>;  // the newest first
  Result<Keys> read(store::View& view) const;
  std::shared_ptr<const Keys> keys() const;

  const KeyFile& key_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_, next_;  // guarded by mutex_
};

}  // namespace ionian::services
