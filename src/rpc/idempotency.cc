#include "rpc/idempotency.h"

namespace ionian::rpc {

IdempotentReplies::Claim IdempotentReplies::claim(const std::string& key,
                                                  const std::string& request_hash, Waiter waiter) {
  while (true) {
    std::optional<std::string> reply;
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
    if (!reply && options_.recall) reply = options_.recall(key);
    if (reply) {
      waiter(std::move(*reply));
      return Claim::kRepeated;
    }
    forget_what_is_nowhere(key);
  }
}

void IdempotentReplies::complete(const std::string& key, const Outcome& outcome) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return;
    waiters.swap(it->second.waiters);
    if (outcome) {
      const bool small = outcome->size() <= kReplyBytesMax;
      keep(key, it->second, small ? std::optional(*outcome) : std::nullopt, clock_.now());
    } else {
      entries_.erase(it);
    }
    forget_old(clock_.now());
  }
  for (const Waiter& waiter : waiters) waiter(outcome);
}

void IdempotentReplies::keep(const std::string& key, Entry& entry, std::optional<std::string> reply,
                             Time since) {
  entry.done = true;
  entry.since = since;
  entry.age = by_age_.insert(by_age_.end(), key);
  if (!reply) return;
  bytes_ += key.size() + reply->size();
  entry.reply = std::move(reply);
  with_reply_.push_back(key);
}

void IdempotentReplies::remember(const std::string& key, const std::string& request_hash,
                                 std::optional<std::string> reply, Time since) {
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

// The oldest of those that have one: the others' order is the same.
void IdempotentReplies::drop_reply(Entries::iterator it) {
  bytes_ -= it->first.size() + it->second.reply->size();
  it->second.reply.reset();
  with_reply_.pop_front();
}

// Neither here nor written down: the call may be made again.
void IdempotentReplies::forget_what_is_nowhere(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end() || !it->second.done || it->second.reply) return;
  by_age_.erase(it->second.age);
  entries_.erase(it);
}

void IdempotentReplies::forget_old(Time now) {
  while (!by_age_.empty()) {
    const auto it = entries_.find(by_age_.front());
    if (now - it->second.since <= kKeep && by_age_.size() <= options_.entries_max) break;
    if (it->second.reply) drop_reply(it);
    entries_.erase(it);
    by_age_.pop_front();
  }
  while (bytes_ > kBytesMax) drop_reply(entries_.find(with_reply_.front()));
}

}  // namespace ionian::rpc
