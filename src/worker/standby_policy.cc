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

}  // namespace

std::optional<std::string> StandbyPolicy::take(const std::string& key, Time now) {
  if (limits_.most == 0) return std::nullopt;
  auto& starts = keys_[key].starts;
  const auto recent =
      std::ranges::count_if(starts, [&](const Start& s) { return s.at > now - kBurst; });
  starts.push_back({now, static_cast<std::size_t>(recent) + 1});
  if (starts.size() > kStartsKept) starts.pop_front();
  auto oldest = standbys_.end();
  for (auto it = standbys_.begin(); it != standbys_.end(); ++it)
    if (it->second.key == key && it->second.ready &&
        (oldest == standbys_.end() || it->second.since < oldest->second.since))
      oldest = it;
  if (oldest == standbys_.end()) return std::nullopt;
  std::string id = oldest->first;
  standbys_.erase(oldest);
  return id;
}

void StandbyPolicy::began(const std::string& key, const std::string& id, Time now) {
  standbys_[id] = {.key = key, .since = now};
}

void StandbyPolicy::ready(const std::string& id) {
  const auto it = standbys_.find(id);
  if (it == standbys_.end()) return;
  it->second.ready = true;
  if (const auto key = keys_.find(it->second.key); key != keys_.end()) key->second.failures = 0;
}

std::size_t StandbyPolicy::ready_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(standbys_, [](const auto& each) { return each.second.ready; }));
}

bool StandbyPolicy::ended(const std::string& id, Time now) {
  const auto it = standbys_.find(id);
  if (it == standbys_.end()) return false;
  if (const auto key = keys_.find(it->second.key); key != keys_.end() && !it->second.ready) {
    const int doublings = std::min(key->second.failures++, kPauseDoublings);
    key->second.not_before = now + kFirstPause * (1 << doublings);
  }
  standbys_.erase(it);
  return true;
}

void StandbyPolicy::forget_old(Time now) {
  for (auto& [name, key] : keys_)
    while (!key.starts.empty() && key.starts.front().at <= now - limits_.keep)
      key.starts.pop_front();
  std::erase_if(keys_, [&](const auto& each) {
    return each.second.starts.empty() && each.second.not_before <= now;
  });
  while (keys_.size() > kKeysMax)
    keys_.erase(std::ranges::min_element(keys_, {}, [](const auto& each) {
      return each.second.starts.empty() ? Time::min() : each.second.starts.back().at;
    }));
}

std::map<std::string, std::size_t> StandbyPolicy::shares() const {
  std::vector<const std::pair<const std::string, Key>*> latest;
  for (const auto& each : keys_)
    if (!each.second.starts.empty()) latest.push_back(&each);
  std::ranges::sort(latest, std::greater(),
                    [](const auto* each) { return each->second.starts.back().at; });
  std::map<std::string, std::size_t> shares;
  std::size_t left = limits_.most;
  for (const auto* each : latest)
    if (left > 0) shares[each->first] = 1, --left;
  for (const auto* each : latest) {
    const auto share = shares.find(each->first);
    if (share == shares.end()) break;
    const std::size_t burst = std::ranges::max(each->second.starts, {}, &Start::in_burst).in_burst;
    const std::size_t more = std::min(left, burst - 1);
    share->second += more;
    left -= more;
  }
  return shares;
}

StandbyPolicy::Wish StandbyPolicy::decide(Time now, bool memory_short) {
  Wish wish;
  forget_old(now);
  std::map<std::string, std::size_t> shares = this->shares();
  if (memory_short)
    for (auto& [key, share] : shares) share /= 2;
  std::map<std::string, std::size_t> have;
  bool beginning = false;
  for (const auto& [id, standby] : standbys_) {
    const auto share = shares.find(standby.key);
    if (++have[standby.key] > (share == shares.end() ? 0 : share->second))
      wish.end.push_back(id);
    else
      beginning |= !standby.ready;
  }
  for (const std::string& id : wish.end) standbys_.erase(id);
  if (beginning || memory_short) return wish;
  for (const auto& [key, share] : shares)
    if (have[key] < share && keys_.at(key).not_before <= now) {
      wish.begin = key;
      break;
    }
  return wish;
}

}  // namespace ionian::worker
