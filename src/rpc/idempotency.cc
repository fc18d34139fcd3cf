#include "rpc/idempotency.h"

namespace ionian::rpc {

IdempotentReplies::Claim IdempotentReplies::claim(const std::string& key,
                                                  const std::string& request_hash, Waiter waiter) {
  std::string reply;
  {
    std::lock_guard lock(mutex_);
    forget_old(clock_.now());
    auto [it, fresh] = entries_.try_emplace(key);
    Entry& entry = it->second;
    if (fresh) {
      entry.request_hash = request_hash;
      entry.since = clock_.now();
      entry.age = by_age_.end();
      return Claim::kFirst;
    }
    if (entry.request_hash != request_hash) return Claim::kConflict;
    if (!entry.done) {
      entry.waiters.push_back(std::move(waiter));
      return Claim::kRepeated;
    }
    reply = entry.reply;
  }
  waiter(reply);
  return Claim::kRepeated;
}

void IdempotentReplies::complete(const std::string& key, const Outcome& outcome) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return;
    waiters.swap(it->second.waiters);
    const bool fits = outcome && key.size() + outcome->size() <= kBytesMax;
    if (fits) {
      keep(key, it->second, *outcome, clock_.now());
    } else {
      entries_.erase(it);
    }
    forget_old(clock_.now());
  }
  for (const Waiter& waiter : waiters) waiter(outcome);
}

void IdempotentReplies::keep(const std::string& key, Entry& entry, std::string reply, Time since) {
  bytes_ += key.size() + reply.size();
  entry.done = true;
  entry.since = since;
  entry.reply = std::move(reply);
  entry.age = by_age_.insert(by_age_.end(), key);
}

void IdempotentReplies::remember(const std::string& key, const std::string& request_hash,
                                 std::string reply, Time since) {
  std::lock_guard lock(mutex_);
  const auto [it, fresh] = entries_.try_emplace(key);
  if (!fresh) return;
  it->second.request_hash = request_hash;
  keep(key, it->second, std::move(reply), since);
  forget_old(clock_.now());
}

std::size_t IdempotentReplies::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void IdempotentReplies::forget_old(Time now) {
  while (!by_age_.empty()) {
    const auto it = entries_.find(by_age_.front());
    const bool old = now - it->second.since > kKeep;
    if (!old && by_age_.size() <= kEntriesMax && bytes_ <= kBytesMax) return;
    bytes_ -= it->first.size() + it->second.reply.size();
    entries_.erase(it);
    by_age_.pop_front();
  }
}

}  // namespace ionian::rpc
