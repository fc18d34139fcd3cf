#include "services/sign_ins.h"

#include <sodium.h>

#include <algorithm>

#include "base/same_secret.h"
#include "services/identity.h"

namespace ionian::services {
Result<std::string> SignIns::hash_password(const std::string& password) {
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str(hash.data(), password.data(), password.size(),
                        crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
    return fail(Code::kResourceExhausted, "not enough memory to hash a password");
  hash.resize(std::char_traits<char>::length(hash.c_str()));
  return hash;
}

bool SignIns::password_fits(const std::string& hash, const std::string& password) {
  // An account that does not exist costs the same time as a wrong password.
  static const std::string nobody = hash_password("nobody").value_or("");
  const std::string& against = hash.empty() ? nobody : hash;
  const bool fits =
      crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return fits && !hash.empty();
}

std::string SignIns::begin_session(Time now, Session session) {
  const std::string cookie = random_base62(random_, 32);
  session.created = session.used = now;
  std::lock_guard lock(mutex_);
  if (sessions_.size() >= kSessionsMax)
    std::erase_if(sessions_,
                  [&](const auto& s) { return s.second.user.empty() || over(s.second, now); });
  if (sessions_.size() < kSessionsMax) sessions_[key_.hash(cookie)] = std::move(session);
  return cookie;
}

bool SignIns::over(const Session& session, Time now) {
  return now - session.used > kIdle || now - session.created > kLife;
}

Session* SignIns::find(const std::string& cookie) {
  if (cookie.empty()) return nullptr;
  const auto it = sessions_.find(key_.hash(cookie));
  return it == sessions_.end() ? nullptr : &it->second;
}

const Session* SignIns::find(const std::string& cookie) const {
  const auto it = cookie.empty() ? sessions_.end() : sessions_.find(key_.hash(cookie));
  return it == sessions_.end() ? nullptr : &it->second;
}

std::optional<Session> SignIns::session(Time now, const std::string& cookie,
                                        const std::string& address) {
  std::lock_guard lock(mutex_);
  Session* found = find(cookie);
  // One that is over stays for has_ended(), and goes when room is needed.
  if (!found || over(*found, now)) return std::nullopt;
  found->used = now;
  found->address = address;
  return *found;
}

bool SignIns::has_ended(Time now, const std::string& cookie) const {
  std::lock_guard lock(mutex_);
  const Session* found = find(cookie);
  return found && !found->user.empty() && over(*found, now);
}

void SignIns::end_session(const std::string& cookie) {
  std::lock_guard lock(mutex_);
  sessions_.erase(key_.hash(cookie));
}

std::size_t SignIns::end_sessions_of(const UserId& user, const std::string& except) {
  const std::string kept = except.empty() ? "" : key_.hash(except);
  std::lock_guard lock(mutex_);
  return std::erase_if(sessions_,
                       [&](const auto& s) { return s.second.user == user && s.first != kept; });
}

std::string SignIns::renew_session(const std::string& cookie) {
  const std::string renewed = random_base62(random_, 32);
  std::lock_guard lock(mutex_);
  auto node = sessions_.extract(key_.hash(cookie));
  if (!node) return cookie;
  node.key() = key_.hash(renewed);
  node.mapped().renew = false;
  sessions_.insert(std::move(node));
  return renewed;
}

void SignIns::renew_sessions_of(const UserId& user) {
  std::lock_guard lock(mutex_);
  for (auto& [hash, session] : sessions_)
    if (session.user == user) session.renew = true;
}

void SignIns::remember_place(const std::string& cookie, const WorkspaceId& workspace,
                             const std::string& environment) {
  std::lock_guard lock(mutex_);
  Session* found = find(cookie);
  if (!found) return;
  found->workspace = workspace;
  found->environment = environment;
}

void SignIns::keep_flash(const std::string& cookie, std::string html) {
  std::lock_guard lock(mutex_);
  if (Session* found = find(cookie)) found->flash = std::move(html);
}

std::string SignIns::take_flash(const std::string& cookie) {
  std::lock_guard lock(mutex_);
  Session* found = find(cookie);
  return found ? std::exchange(found->flash, "") : "";
}

std::optional<std::string> SignIns::claim_once(const std::string& cookie,
                                               const std::string& nonce) {
  std::lock_guard lock(mutex_);
  Session* found = find(cookie);
  if (!found || nonce <= found->once_floor) return "";
  const auto it = found->once.find(nonce);
  if (it != found->once.end()) return it->second;
  if (found->once.size() >= kOnceMax)
    found->once_floor = found->once.extract(found->once.begin()).key();
  found->once[nonce] = "";
  return std::nullopt;
}

void SignIns::note_once(const std::string& cookie, const std::string& nonce, std::string made) {
  std::lock_guard lock(mutex_);
  if (Session* found = find(cookie)) found->once[nonce] = std::move(made);
}

std::string SignIns::listed_id(const std::string& hash) {
  std::string hex;
  for (unsigned char c : hash.substr(0, 8)) {
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}

std::vector<SignIns::Listed> SignIns::sessions_of(Time now, const UserId& user,
                                                  const std::string& current) const {
  std::vector<Listed> all;
  const std::string own = key_.hash(current);
  {
    std::lock_guard lock(mutex_);
    for (const auto& [hash, s] : sessions_)
      if (s.user == user && !over(s, now))
        all.push_back({.id = listed_id(hash),
                       .address = s.address,
                       .agent = s.agent,
                       .created = s.created,
                       .used = s.used,
                       .current = hash == own});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.used > b.used; });
  return all;
}

bool SignIns::end_listed(const UserId& user, const std::string& id) {
  std::lock_guard lock(mutex_);
  return std::erase_if(sessions_, [&](const auto& s) {
           return s.second.user == user && listed_id(s.first) == id;
         }) > 0;
}

std::string SignIns::form_key(const std::string& cookie, std::string_view action) const {
  return key_.sign(cat("form ", cookie, ' ', action)).substr(0, 32);
}

bool SignIns::form_key_fits(const std::string& cookie, std::string_view action,
                            std::string_view key) const {
  return !cookie.empty() && same_secret(form_key(cookie, action), key);
}

std::string SignIns::make_owner_key(Time now) {
  const std::string key = random_base62(random_, 32);
  std::lock_guard lock(mutex_);
  owner_key_hash_ = key_.hash(key);
  owner_key_until_ = now + kOwnerKeyLife;
  return key;
}

bool SignIns::owner_key_fits(Time now, const std::string& key) const {
  std::lock_guard lock(mutex_);
  return now < owner_key_until_ && same_secret(owner_key_hash_, key_.hash(key));
}

void SignIns::use_owner_key() {
  std::lock_guard lock(mutex_);
  owner_key_hash_.clear();
}

Duration SignIns::owner_key_left(Time now) const {
  std::lock_guard lock(mutex_);
  return std::max<Duration>(0ns, owner_key_until_ - now);
}

Duration SignIns::wait_after(const Tries& tries, Time now) {
  if (tries.failures < kFreeTries) return 0ns;
  // 2, 4, 8 … seconds, up to 15 minutes.
  const Duration wait =
      std::min<Duration>(15min, 1s * (1 << std::min(12, tries.failures - kFreeTries + 1)));
  return std::max<Duration>(0ns, tries.last + wait - now);
}

Duration SignIns::wait_before_try(Time now, const std::string& address,
                                  const std::string& account) const {
  std::lock_guard lock(mutex_);
  Duration wait = 0ns;
  for (const std::string& who : {"a " + address, "u " + account})
    if (const auto it = tries_.find(who); it != tries_.end())
      wait = std::max(wait, wait_after(it->second, now));
  return wait;
}

void SignIns::note_failure(Time now, const std::string& address, const std::string& account) {
  std::lock_guard lock(mutex_);
  if (tries_.size() >= kTriesMax)
    std::erase_if(tries_, [&](const auto& t) { return now - t.second.last > 15min; });
  if (tries_.size() >= kTriesMax) tries_.clear();
  for (const std::string& who : {"a " + address, "u " + account}) {
    Tries& tries = tries_[who];
    if (now - tries.last > 1h) tries.failures = 0;
    ++tries.failures;
    tries.last = now;
  }
}

void SignIns::note_success(const std::string& account) {
  std::lock_guard lock(mutex_);
  tries_.erase("u " + account);
}

}  // namespace ionian::services
