#pragma once
// Loop: a room with a state that one thread at a time touches, and polls that wait for a key or a
// time. A waiting call is an entry in two maps; it costs no thread.
//
// The loop has a thread of its own, for what is posted to it and for time. Where AfterBatch follows
// the work, a call that finds the loop idle is answered at once on the thread that brought it:
// waking another thread costs more than most handlers take. Other loops keep to their thread.
// What such a state has decided is done before a reply of the same batch leaves: whoever has a
// reply finds its effects.
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "rpc/method.h"

namespace ionian::rpc {

class Loop final : public Room {
 public:
  // Called in the loop after each batch of work: acts on what the state has decided (may call
  // `notify`), and returns when it wants to be called again at the latest. Must not block.
  using AfterBatch = std::function<std::optional<Time>(Time now)>;

  Loop(std::string name, const Clock& clock, void* state, AfterBatch after_batch = {});
  ~Loop() override;

  void start();
  // Ends the thread; calls that still wait here end with UNAVAILABLE.
  void stop();

  // Runs `work` on the loop's own thread, in order of arrival. False if the loop's queue is full or
  // it has stopped.
  bool post(std::function<void()> work);
  // The same, but on this thread and at once if the loop is idle. Not under a lock that work may
  // want.
  bool do_or_post(std::function<void()> work);

  // Wakes every call that watches `key`. In the loop only: by work, handlers and AfterBatch.
  void notify(const WatchKey& key);

  void run(ActiveCallPtr call) override;
  void cancel(const ActiveCallPtr& call) override;

  std::size_t waiting() const { return waiting_count_; }

 private:
  struct Waiting {
    std::vector<WatchKey> keys;
    std::optional<Time> until;
  };
  struct Reply {
    ActiveCallPtr call;
    Result<MessagePtr> message;
  };
  static constexpr std::size_t kQueueMax = 200'000;

  void main();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void end_waiting_calls();
  bool enter_if_idle();
  void leave();
  void end_batch();
  void send_reply(Reply reply);
  void attempt_any(const ActiveCallPtr& call);
  void attempt(const ActiveCallPtr& call);
  void attempt_stream(const ActiveCallPtr& call);
  void read_next(const ActiveCallPtr& call);
  void park(const ActiveCallPtr& call);
  bool unpark(const ActiveCallPtr& call);
  void wake_expired(Time now);
  std::optional<Time> next_wake() const;

  const std::string name_;
  const Clock& clock_;
  void* const state_;
  const AfterBatch after_batch_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  // Somebody is in the loop. Until the loop's thread has started, it counts as there.
  bool entered_ = true;               // guarded by mutex_
  std::optional<Time> asleep_until_;  // the loop's thread; nullopt: until it is told. Guarded too

  // Of whoever is in the loop.
  std::unordered_map<ActiveCallPtr, Waiting> waiting_;
  std::unordered_set<ActiveCallPtr> reading_;  // clients' streams, for whose next message they wait
  std::unordered_map<WatchKey, std::vector<ActiveCallPtr>> by_key_;
  std::set<std::pair<Time, ActiveCallPtr>> by_time_;
  std::deque<ActiveCallPtr> woken_;
  std::vector<Reply> replies_;  // of this batch
  std::optional<Time> batch_wake_;
  std::atomic<std::size_t> waiting_count_ = 0;

  std::thread thread_;
};

}  // namespace ionian::rpc
