#pragma once
// Which interpreters are kept ready for tasks that have not come yet. Decides only; the worker
// does. What a key stands for is the worker's affair: all standbys of a key serve all its tasks. A
// key's zygote comes before its standbys, which are copies of it, as are tasks that find none.
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
    bool zygotes = false;                      // they count as standbys, too
    // After a task has come, none is begun for that long: to make one would slow the task down.
    // Where tasks come all the time, one is begun after four times as long.
    Duration quiet{0};
    // One that is not ready after that long never will be: while it loads, no other is begun.
    Duration loading = std::chrono::minutes(1);
  };
  explicit StandbyPolicy(Limits limits) : limits_(limits) {}

  // A task of that key starts now: the id of a standby for it, which no longer is one. Those that
  // have waited longest go first.
  std::optional<std::string> take(const std::string& key, Time now);
  // The same for one that no standby suits, but a copy of the zygote does.
  void came_bound(const std::string& key, Time now);

  // Its tasks cannot be copies.
  void forbid_zygote(const std::string& key) { keys_[key].no_zygote = true; }
  // The key's zygote, if it is ready.
  std::optional<std::string> zygote(const std::string& key) const;

  enum class Kind { kStandby, kZygote };
  void began(const std::string& key, const std::string& id, Time now, Kind kind = Kind::kStandby);
  void ready(const std::string& id);
  // One that ended by itself; false: it was none any more. If it never was ready, its key has to
  // wait, and longer each time; after a zygote that never was, or one whose copies never are, it
  // gets none any more.
  bool ended(const std::string& id, Time now);
  // A zygote of that key made a copy, or made none, for a standby of that id or for a task (any
  // id). One that made none is replaced; if the next one makes none either, there is none any more.
  void copied(const std::string& key);
  void not_copied(const std::string& key, const std::string& zygote, const std::string& id);

  struct Wish {
    std::vector<std::string> end;      // ids
    std::optional<std::string> begin;  // a key; one at a time, so that tasks have the machine
    Kind kind = Kind::kStandby;        // of that one
    std::optional<Time> again;         // to decide again then, although nothing happens
  };
  // `memory_short`: the machine needs what standbys hold; half of them go, and none comes.
  Wish decide(Time now, bool memory_short);

  std::size_t count() const { return standbys_.size(); }  // with the zygotes
  std::size_t ready_count(Kind kind = Kind::kStandby) const;
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
    std::deque<Start> starts;       // of the last `keep`, bounded
    Time last_bound = Time::min();  // task, for which there is a zygote, and no standby
    int failures = 0;
    int useless_zygotes = 0;   // in a row
    std::string last_useless;  // many may have waited for the same one
    Time not_before = Time::min();
    bool no_zygote = false;
    Time last_start() const {
      return starts.empty() ? last_bound : std::max(last_bound, starts.back().at);
    }
  };
  struct Standby {
    std::string key;
    Time since;
    Kind kind = Kind::kStandby;
    bool ready = false;
    bool useless = false;  // a zygote that makes no copies
  };

  void forget_old(Time now);
  // Those that hang, which are none any more.
  std::vector<std::string> give_up_hung(Time now);
  // Until when one that is lacking is not begun.
  std::optional<Time> quiet_until(Time now);
  struct Share {
    bool zygote = false;
    std::size_t standbys = 0;
  };
  // What each key shall have: a zygote and a standby each, the latest keys first, then more by
  // their bursts.
  std::map<std::string, Share> shares() const;
  bool shall_have_zygote(const std::string& key) const;

  const Limits limits_;
  std::map<std::string, Key> keys_;
  std::map<std::string, Standby> standbys_;  // by id
  Time last_task_ = Time::min();
  std::optional<Time> lacking_since_;  // one that could be begun
};

}  // namespace ionian::worker
