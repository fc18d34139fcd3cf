#pragma once
// Which interpreters are kept ready for tasks that have not come yet. Decides only; the worker
// does. What a key stands for is the worker's affair: all standbys of a key serve all its tasks.
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ionian::worker {

class StandbyPolicy {
 public:
  struct Limits {
    std::size_t most = 0;                      // standbys of all keys; 0: none
    Duration keep = std::chrono::minutes(10);  // after the last task of their key
  };
  explicit StandbyPolicy(Limits limits) : limits_(limits) {}

  // A task of that key starts now: the id of a standby for it, which no longer is one. Those that
  // have waited longest go first.
  std::optional<std::string> take(const std::string& key, Time now);

  void began(const std::string& key, const std::string& id, Time now);
  void ready(const std::string& id);
  // One that ended by itself; false: it was none any more. If it never was ready, its key has to
  // wait, and longer each time.
  bool ended(const std::string& id, Time now);

  struct Wish {
    std::vector<std::string> end;      // ids
    std::optional<std::string> begin;  // a key; one at a time, so that tasks have the machine
  };
  // `memory_short`: the machine needs what standbys hold; half of them go, and none comes.
  Wish decide(Time now, bool memory_short);

  std::size_t count() const { return standbys_.size(); }
  std::size_t ready_count() const;
  // When to decide() again although nothing happens; nothing while there is none.
  bool restless() const { return !standbys_.empty() || !keys_.empty(); }
  // Keys that a standby may be begun for; others have been forgotten.
  bool knows(const std::string& key) const { return keys_.contains(key); }

 private:
  struct Start {
    Time at;
    std::size_t in_burst;  // how many tasks started within kBurst before it, with it
  };
  struct Key {
    std::deque<Start> starts;  // of the last `keep`, bounded
    int failures = 0;
    Time not_before = Time::min();
  };
  struct Standby {
    std::string key;
    Time since;
    bool ready = false;
  };

  void forget_old(Time now);
  // How many standbys each key shall have: one each, the latest keys first, then by their bursts.
  std::map<std::string, std::size_t> shares() const;

  const Limits limits_;
  std::map<std::string, Key> keys_;
  std::map<std::string, Standby> standbys_;  // by id
};

}  // namespace ionian::worker
