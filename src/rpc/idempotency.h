#pragma once
// The first reply of a call that its client may send twice. A retried AppCreate must not make two
// apps.
//
// Kept by caller, method and key for 10 minutes, bounded in number and bytes; the oldest go first.
// While the first call is still running, later ones with its key wait for its reply. Large replies,
// and older ones than there is room for, are asked for where the handler has written them down:
// here stays only that there was such a call.
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::rpc {

class IdempotentReplies {
 public:
  static constexpr Duration kKeep = 10min;
  static constexpr std::size_t kBytesMax = 64 << 20;
  // A larger one never stays in memory.
  static constexpr std::size_t kReplyBytesMax = 1 << 20;

  // A reply as it went out, serialized.
  using Outcome = Result<std::string>;
  using Waiter = std::function<void(const Outcome&)>;
  // The reply that was written down under a key, if one was.
  using Recall = std::function<std::optional<std::string>(const std::string& key)>;

  enum class Claim {
    kFirst,     // go on, and call `complete`
    kRepeated,  // `waiter` gets (or got) the first call's outcome
    kConflict,  // the key came before with another request
  };

  struct Options {
    Recall recall;
    std::size_t entries_max;  // the oldest go first
  };
  static Options without_recall() { return {.recall = {}, .entries_max = 100'000}; }
  explicit IdempotentReplies(const Clock& clock, Options options = without_recall())
      : clock_(clock), options_(std::move(options)) {}

  Claim claim(const std::string& key, const std::string& request_hash, Waiter waiter);
  // Keeps a reply and hands it to those that wait. Errors are handed on but not kept: a retry may
  // succeed.
  void complete(const std::string& key, const Outcome& outcome);
  // A finished one of a former life of the server; the oldest first. Without a reply: it is large.
  void remember(const std::string& key, const std::string& request_hash,
                std::optional<std::string> reply, Time since);

  std::size_t size() const;

 private:
  struct Entry {
    std::string request_hash;
    Time since;  // it was finished
    bool done = false;
    std::optional<std::string> reply;  // of one that is done; none: recall_ may have it
    std::vector<Waiter> waiters;
    std::list<std::string>::iterator age;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  void keep(const std::string& key, Entry& entry, std::optional<std::string> reply, Time since);
  void drop_reply(Entries::iterator entry);
  void forget_what_is_nowhere(const std::string& key);
  void forget_old(Time now);

  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::list<std::string> by_age_;       // keys of finished entries, oldest first
  std::deque<std::string> with_reply_;  // those of them that have their reply here
  std::size_t bytes_ = 0;
};

}  // namespace ionian::rpc
