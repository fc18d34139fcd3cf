#pragma once
// People at a browser: passwords, sessions, the first owner's link, and the limits on trying. All
// of it is thread-safe; sessions live in memory, so a restart of the server signs everybody out.
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::services {

class KeyFile;

struct Session {
  UserId user;                      // empty: a visitor, for whom only forms are protected
  WorkspaceId workspace;            // the last one looked at
  std::string environment = {};     // its name, likewise
  std::string address, agent = {};  // of the browser, at its last use
  Time created = {}, used = {};
  bool renew = false;                            // its cookie gets a new value with the next page
  std::string flash = {};                        // HTML that the next page shows, once
  std::string once_floor = {};                   // older nonces than this count as used
  std::map<std::string, std::string> once = {};  // what forms of one use made, by nonce
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
  // The session of a cookie, unless it has ended by age or idleness; counts as a use from this
  // address.
  std::optional<Session> session(Time now, const std::string& cookie, const std::string& address);
  // Whether the cookie is that of somebody whom idleness or age has signed out.
  bool has_ended(Time now, const std::string& cookie) const;
  void end_session(const std::string& cookie);
  // Returns how many there were. The session of `except` stays.
  std::size_t end_sessions_of(const UserId& user, const std::string& except = "");

  // The same session under a new value: what knew the former one knows nothing.
  std::string renew_session(const std::string& cookie);
  // Somebody's password or role has changed: their sessions get new values with their next pages.
  void renew_sessions_of(const UserId& user);
  void remember_place(const std::string& cookie, const WorkspaceId& workspace,
                      const std::string& environment);
  void keep_flash(const std::string& cookie, std::string html);
  std::string take_flash(const std::string& cookie);

  // A form that makes a secret works once, and its nonce is a ULID: nullopt for the first to come
  // with this nonce, else what note_once() has written ("" = the first is not ready yet).
  std::optional<std::string> claim_once(const std::string& cookie, const std::string& nonce);
  void note_once(const std::string& cookie, const std::string& nonce, std::string made);

  // A person's sessions, the last used first. `id` names one of them to its owner and opens
  // nothing.
  struct Listed {
    std::string id, address, agent;
    Time created, used;
    bool current = false;
  };
  std::vector<Listed> sessions_of(Time now, const UserId& user, const std::string& current) const;
  bool end_listed(const UserId& user, const std::string& id);

  // What a form of this session for this action carries.
  std::string form_key(const std::string& cookie, std::string_view action) const;
  bool form_key_fits(const std::string& cookie, std::string_view action,
                     std::string_view key) const;

  // The one-time link of the first owner. Making a new one ends the former; looking does not use it
  // up.
  std::string make_owner_key(Time now);
  bool owner_key_fits(Time now, const std::string& key) const;
  void use_owner_key();
  Duration owner_key_left(Time now) const;

  // Failed tries of an address and of an account. The wait until the next one may be made; 0 = now.
  Duration wait_before_try(Time now, const std::string& address, const std::string& account) const;
  void note_failure(Time now, const std::string& address, const std::string& account);
  void note_success(const std::string& account);

 private:
  struct Tries {
    int failures = 0;
    Time last;
  };
  static constexpr std::size_t kOnceMax = 64;
  static constexpr int kFreeTries = 5;
  static constexpr std::size_t kTriesMax = 50'000;
  static Duration wait_after(const Tries& tries, Time now);
  static bool over(const Session& session, Time now);
  static std::string listed_id(const std::string& hash);
  Session* find(const std::string& cookie);
  const Session* find(const std::string& cookie) const;

  const KeyFile& key_;
  Random& random_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Session> sessions_;  // by hash of the cookie; guarded by mutex_
  std::unordered_map<std::string, Tries> tries_;       // guarded by mutex_
  std::string owner_key_hash_;                         // guarded by mutex_
  Time owner_key_until_;                               // guarded by mutex_
};

}  // namespace ionian::services
