#pragma once
// People at a browser: passwords, sessions, one-time links, and the limits on trying. All of it is thread-safe; sessions live in
// memory, so a restart of the server signs everybody out.
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::services {

class KeyFile;

struct Session {
  UserId user;  // empty: a visitor, for whom only forms are protected
  WorkspaceId workspace;
  Time created, used;
};

class SignIns {
 public:
  static constexpr Duration kIdle = 12h;
  static constexpr Duration kLife = 30 * 24h;
  static constexpr Duration kOwnerKeyLife = 60min;
  static constexpr std::size_t kSessionsMax = 100'000;

  SignIns(const KeyFile& key, Random& random) : key_(key), random_(random) {}

  // Argon2id; slow and of 64 MiB on purpose: on a thread of its own.
  static Result<std::string> hash_password(const std::string& password);
  static bool password_fits(const std::string& hash, const std::string& password);

  // Returns the cookie's value; only its hash is kept.
  std::string begin_session(Time now, Session session);
  // The session of a cookie, unless it has ended by age or idleness; counts as a use.
  std::optional<Session> session(Time now, const std::string& cookie);
  void end_session(const std::string& cookie);
  void end_sessions_of(const UserId& user);

  // What a form of this session for this action carries.
  std::string form_key(const std::string& cookie, std::string_view action) const;
  bool form_key_fits(const std::string& cookie, std::string_view action, std::string_view key) const;

  // The one-time link of the first owner. Making a new one ends the former; looking does not use it up.
  std::string make_owner_key(Time now);
  bool owner_key_fits(Time now, const std::string& key) const;
  void use_owner_key();

  // Failed tries of an address and of an account. The wait until the next one may be made; 0 = now.
  Duration wait_before_try(Time now, const std::string& address, const std::string& account) const;
  void note_failure(Time now, const std::string& address, const std::string& account);
  void note_success(const std::string& account);

 private:
  struct Tries {
    int failures = 0;
    Time last;
  };
  static constexpr int kFreeTries = 5;
  static constexpr std::size_t kTriesMax = 50'000;
  static Duration wait_after(const Tries& tries, Time now);

  const KeyFile& key_;
  Random& random_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Session> sessions_;  // by hash of the cookie; guarded by mutex_
  std::unordered_map<std::string, Tries> tries_;       // guarded by mutex_
  std::string owner_key_hash_;                         // guarded by mutex_
  Time owner_key_until_;                               // guarded by mutex_
};

}  // namespace ionian::services
