#pragma once
// Who waits for items of queues. QueueGet does not run in the room of the writers, because it may
// have to wait; it waits here, costs no thread, and is served in the order in which it came.
//
// One transaction at a time and partition takes items for as many waiting calls as there are items,
// and writes their replies down with it. A call whose client has gone meanwhile gets none: its
// items are put back where they were.
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "rpc/loop.h"
#include "services/context.h"
#include "store/queues.h"

namespace ionian::services {

// The state of handlers that look at data again when it changes: QueueNextItems, DictContents.
struct DataWatch {};

// How long an entry of a dict is noted as used before the next use is noted.
inline constexpr Duration kUseIsNotedEvery = 1h;

class QueueTakes final : public rpc::Room {
 public:
  explicit QueueTakes(Context& context);
  ~QueueTakes() override;
  void start() { loop_.start(); }
  // Those that wait end with UNAVAILABLE.
  void stop();
  rpc::Loop& loop() { return loop_; }
  DataWatch& watched() { return watched_; }
  // Calls that wait for an item, as of the last batch of work.
  std::size_t waiting() const { return waiting_; }

  // Items have come, and are on disk; or the queue is no more. From any thread.
  void came(const store::PartitionKey& key);
  void gone(const std::string& queue);

  // Calls of QueueGet. Their handler only says whether they may wait at all.
  void run(rpc::ActiveCallPtr call) override;
  void cancel(const rpc::ActiveCallPtr& call) override;

  // What QueueNextItems watches.
  static rpc::WatchKey watch_key(const store::PartitionKey& key);
  // The bytes of values in one reply, if there is more than one value.
  static constexpr std::size_t kReplyBytes = 16 << 20;

 private:
  struct Waiter {
    rpc::ActiveCallPtr call;
    Time until;
    std::int64_t max = 1;
    bool tried = false;  // somebody has looked since it came, and there was nothing for it
  };
  struct Line {
    std::deque<Waiter> waiting;
    bool busy = false;   // a transaction is under way
    bool again = false;  // items came meanwhile
    int returning = 0;   // takers whose items are on their way back: others would overtake them
    bool idle() const { return waiting.empty() && !busy && returning == 0; }
  };
  // What a client that has gone did not get.
  struct Return {
    store::PartitionKey key;
    std::string reply_key;
    std::vector<store::QueueItem> items;
    bool failed = false;  // and is tried again
  };
  static constexpr Duration kReturnAgain = 1s;
  // A transaction's takers, and what each of them got.
  struct Round {
    std::vector<Waiter> takers;
    std::vector<std::vector<store::QueueItem>> items;
    bool queue_is_gone = false;
    bool exhausted = false;  // there were fewer items than takers
  };
  static constexpr std::size_t kTakersMax = 256;

  void arrive(const rpc::ActiveCallPtr& call);
  void leave(const rpc::ActiveCallPtr& call);
  void serve(const store::PartitionKey& key);
  Result<void> take(store::Tx& tx, const store::PartitionKey& key, Round& round);
  void settle(const store::PartitionKey& key, Round& round, const Result<void>& committed);
  void settle_one(const store::PartitionKey& key, Waiter& taker,
                  std::vector<store::QueueItem> items);
  // Until it is on disk, with a full one as well: the partition gives nothing meanwhile, so that
  // there is never more to put back than one transaction took.
  void give_back(const std::shared_ptr<Return>& items);
  void given_back(const std::shared_ptr<Return>& items, const Result<void>& committed);
  void end_round(const store::PartitionKey& key, Round& round, const Result<void>& committed);
  static void answer(const Waiter& taker, std::vector<store::QueueItem> items);
  std::shared_ptr<Return> return_of(const store::PartitionKey& key, const Waiter& taker,
                                    std::vector<store::QueueItem> items);
  void forget_time(const Waiter& waiter) { by_time_.erase({waiter.until, waiter.call}); }
  std::optional<Time> after_batch(Time now);
  void sweep(Time now);

  Context& c_;
  DataWatch watched_;
  // Of the loop's thread.
  std::map<store::PartitionKey, Line> lines_;
  std::set<std::pair<Time, rpc::ActiveCallPtr>> by_time_;
  std::multimap<Time, std::shared_ptr<Return>> returns_;  // those that wait for another attempt
  Time next_sweep_;
  std::atomic<std::size_t> waiting_ = 0;
  rpc::Loop loop_;
};

}  // namespace ionian::services
