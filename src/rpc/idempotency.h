#pragma once
// The first reply of a call that its client may send twice. A retried AppCreate must not make two
// apps.
//
// Kept by caller, method and key for 10 minutes, bounded in number and bytes; the oldest go first.
// While the first call is still running, later ones with its key wait for its reply.
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::rpc {

class IdempotentReplies {
 public:
  static constexpr Duration kKeep = 10min;
  static constexpr std::size_t kEntriesMax = 100'000;
  static constexpr std::size_t kBytesMax = 64 << 20;

  // A reply as it went out, serialized.
  using Outcome = Result<std::string>;
  using Waiter = std::function<void(const Outcome&)>;

  enum class Claim {
    kFirst,     // go on, and call `complete`
    kRepeated,  // `waiter` gets (or got) the first call's outcome
    kConflict,  // the key came before with another request
  };

  explicit IdempotentReplies(const Clock& clock) : clock_(clock) {}

  Claim claim(const std::string& key, const std::string& request_hash, Waiter waiter);
  // Keeps a reply and hands it to those that wait. Errors are handed on but not kept: a retry may
  // succeed. Nor is a reply that is larger than all of them may be.
  void complete(const std::string& key, const Outcome& outcome);
  // A finished one of a former life of the server; the oldest first.
  void remember(const std::string& key, const std::string& request_hash, std::string reply,
                Time since);

  std::size_t size() const;

 private:
  struct Entry {
    std::string request_hash;
    Time since;  // it was finished
    bool done = false;
    std::string reply;
    std::vector<Waiter> waiters;
    std::list<std::string>::iterator age;
  };
  void keep(const std::string& key, Entry& entry, std::string reply, Time since);
  void forget_old(Time now);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> by_age_;  // keys of finished entries, oldest first
  std::size_t bytes_ = 0;
};

}  // namespace ionian::rpc
