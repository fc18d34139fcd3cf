#pragma once
// Loop: a room with one thread, a state that only this thread touches, and polls that wait for a
// key or a time. A waiting call is an entry in two maps; it costs no thread.
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "rpc/method.h"

namespace ionian::rpc {

class Loop final : public Room {
 public:
  // Called on the loop's thread after each batch of work: acts on what the state has decided (may
  // call `notify`), and returns when it wants to be called again at the latest.
  using AfterBatch = std::function<std::optional<Time>(Time now)>;

  Loop(std::string name, const Clock& clock, void* state, AfterBatch after_batch = {});
  ~Loop() override;

  void start();
  // Ends the thread; calls that still wait here end with UNAVAILABLE.
  void stop();

  // Runs `work` on the loop's thread, in order of arrival. False if the loop's queue is full or it
  // has stopped.
  bool post(std::function<void()> work);

  // Wakes every call that watches `key`. On the loop's thread only.
  void notify(const WatchKey& key);

  void run(ActiveCallPtr call) override;
  void cancel(const ActiveCallPtr& call) override;

  std::size_t waiting() const { return waiting_count_; }

 private:
  struct Waiting {
    std::vector<WatchKey> keys;
    std::optional<Time> until;
  };
  static constexpr std::size_t kQueueMax = 200'000;

  void main();
  void attempt(const ActiveCallPtr& call);
  void attempt_stream(const ActiveCallPtr& call);
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

  // Of the loop's thread alone.
  std::unordered_map<ActiveCallPtr, Waiting> waiting_;
  std::unordered_map<WatchKey, std::vector<ActiveCallPtr>> by_key_;
  std::set<std::pair<Time, ActiveCallPtr>> by_time_;
  std::deque<ActiveCallPtr> woken_;
  std::optional<Time> batch_wake_;
  std::atomic<std::size_t> waiting_count_ = 0;

  std::thread thread_;
};

}  // namespace ionian::rpc
