#include "worker/standby_policy.h"

#include <algorithm>

namespace ionian::worker {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBurst = 10s;
constexpr std::size_t kStartsKept = 256;
constexpr std::size_t kKeysMax = 64;
constexpr Duration kFirstPause = 1min;
constexpr int kPauseDoublings = 6;
constexpr int kQuietsMost = 4;
constexpr int kFailedCopiesMax = 2;  // in a row; a machine may forbid to trace
constexpr int kUselessZygotesMax = 2;

}  // namespace

void StandbyPolicy::came_bound(const std::string& key, Time now) {
  if (limits_.most == 0 || !limits_.zygotes) return;
  keys_[key].last_bound = last_task_ = now;
}

std::optional<std::string> StandbyPolicy::take(const std::string& key, Time now) {
  if (limits_.most == 0) return std::nullopt;
  last_task_ = now;
  auto& starts = keys_[key].starts;
  const auto recent =
      std::ranges::count_if(starts, [&](const Start& s) { return s.at > now - kBurst; });
  starts.push_back({now, static_cast<std::size_t>(recent) + 1});
  if (starts.size() > kStartsKept) starts.pop_front();
  auto oldest = standbys_.end();
  for (auto it = standbys_.begin(); it != standbys_.end(); ++it)
    if (it->second.key == key && it->second.ready && it->second.kind == Kind::kStandby &&
        (oldest == standbys_.end() || it->second.since < oldest->second.since))
      oldest = it;
  if (oldest == standbys_.end()) return std::nullopt;
  std::string id = oldest->first;
  standbys_.erase(oldest);
  return id;
}

std::optional<std::string> StandbyPolicy::zygote(const std::string& key) const {
  for (const auto& [id, standby] : standbys_)
    if (standby.kind == Kind::kZygote && standby.ready && !standby.useless && standby.key == key)
      return id;
  return std::nullopt;
}

void StandbyPolicy::began(const std::string& key, const std::string& id, Time now, Kind kind) {
  standbys_[id] = {.key = key, .since = now, .kind = kind};
}

void StandbyPolicy::ready(const std::string& id) {
  const auto it = standbys_.find(id);
  if (it == standbys_.end()) return;
  it->second.ready = true;
  if (const auto key = keys_.find(it->second.key); key != keys_.end()) key->second.failures = 0;
}

std::size_t StandbyPolicy::ready_count(Kind kind) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      standbys_, [&](const auto& each) { return each.second.ready && each.second.kind == kind; }));
}

bool StandbyPolicy::ended(const std::string& id, Time now) {
  const auto it = standbys_.find(id);
  if (it == standbys_.end()) return false;
  if (const auto key = keys_.find(it->second.key); key != keys_.end() && !it->second.ready) {
    const int doublings = std::min(key->second.failures++, kPauseDoublings);
    key->second.not_before = now + kFirstPause * (1 << doublings);
    const bool copies_fail = zygote(it->second.key) && key->second.failures >= kFailedCopiesMax;
    if (copies_fail) key->second.not_before = now;
    key->second.no_zygote |= copies_fail || it->second.kind == Kind::kZygote;
  }
  standbys_.erase(it);
  return true;
}

void StandbyPolicy::copied(const std::string& key) {
  if (const auto it = keys_.find(key); it != keys_.end()) it->second.useless_zygotes = 0;
}

void StandbyPolicy::not_copied(const std::string& key, const std::string& zygote,
                               const std::string& id) {
  standbys_.erase(id);
  if (const auto it = standbys_.find(zygote); it != standbys_.end()) it->second.useless = true;
  const auto it = keys_.find(key);
  if (it == keys_.end() || it->second.last_useless == zygote) return;
  it->second.last_useless = zygote;
  it->second.no_zygote |= ++it->second.useless_zygotes >= kUselessZygotesMax;
}

void StandbyPolicy::forget_old(Time now) {
  for (auto& [name, key] : keys_) {
    while (!key.starts.empty() && key.starts.front().at <= now - limits_.keep)
      key.starts.pop_front();
    if (key.last_bound <= now - limits_.keep) key.last_bound = Time::min();
  }
  std::erase_if(keys_, [&](const auto& each) {
    return each.second.last_start() == Time::min() && each.second.not_before <= now;
  });
  while (keys_.size() > kKeysMax)
    keys_.erase(std::ranges::min_element(
        keys_, {}, [](const auto& each) { return each.second.last_start(); }));
}

std::vector<std::string> StandbyPolicy::give_up_hung(Time now) {
  std::vector<std::string> hung;
  for (auto& [id, standby] : standbys_) {
    standby.since = std::min(standby.since, now);  // a clock may be set back
    if (!standby.ready && standby.since + limits_.loading <= now) hung.push_back(id);
  }
  for (const std::string& id : hung) ended(id, now);
  return hung;
}

std::optional<Time> StandbyPolicy::quiet_until(Time now) {
  // A clock that was set back must not make it wait for long.
  last_task_ = std::min(last_task_, now);
  lacking_since_ = std::min(lacking_since_.value_or(now), now);
  const Time until =
      std::min(last_task_ + limits_.quiet, *lacking_since_ + kQuietsMost * limits_.quiet);
  return until > now ? std::optional(until) : std::nullopt;
}

bool StandbyPolicy::shall_have_zygote(const std::string& key) const {
  return limits_.zygotes && !keys_.at(key).no_zygote;
}

std::map<std::string, StandbyPolicy::Share> StandbyPolicy::shares() const {
  std::vector<const std::pair<const std::string, Key>*> latest;
  for (const auto& each : keys_)
    if (each.second.last_start() != Time::min()) latest.push_back(&each);
  std::ranges::sort(latest, std::greater(),
                    [](const auto* each) { return each->second.last_start(); });
  std::map<std::string, Share> shares;
  std::size_t left = limits_.most;
  for (const auto* each : latest) {
    if (left == 0) break;
    Share& share = shares[each->first];
    if (shall_have_zygote(each->first)) share.zygote = true, --left;
    if (left > 0 && !each->second.starts.empty()) share.standbys = 1, --left;
  }
  for (const auto* each : latest) {
    if (left == 0) break;
    if (each->second.starts.empty()) continue;
    const std::size_t burst = std::ranges::max(each->second.starts, {}, &Start::in_burst).in_burst;
    const std::size_t more = std::min(left, burst - 1);
    shares[each->first].standbys += more;
    left -= more;
  }
  return shares;
}

StandbyPolicy::Wish StandbyPolicy::decide(Time now, bool memory_short) {
  Wish wish;
  forget_old(now);
  wish.end = give_up_hung(now);
  std::map<std::string, Share> shares = this->shares();
  if (memory_short)
    for (auto& [key, share] : shares)
      share.standbys /= 2, share.zygote = share.zygote && share.standbys > 0;
  std::map<std::string, Share> have;
  bool beginning = false;
  for (const auto& [id, standby] : standbys_) {
    const Share& share = shares[standby.key];
    Share& has = have[standby.key];
    const bool zygote = standby.kind == Kind::kZygote;
    if (zygote ? share.zygote && !has.zygote && !standby.useless : has.standbys < share.standbys) {
      zygote ? has.zygote = true : ++has.standbys;
      beginning |= !standby.ready;
    } else {
      wish.end.push_back(id);
    }
  }
  for (const std::string& id : wish.end) standbys_.erase(id);
  if (beginning || memory_short) return wish;
  for (const auto& [key, share] : shares) {
    const bool zygote = share.zygote && !have[key].zygote;
    if (!zygote && have[key].standbys >= share.standbys) continue;
    if (keys_.at(key).not_before > now) continue;
    wish.again = quiet_until(now);
    if (wish.again) return wish;
    wish.begin = key;
    wish.kind = zygote ? Kind::kZygote : Kind::kStandby;
    break;
  }
  lacking_since_.reset();
  return wish;
}

}  // namespace ionian::worker
