#pragma once
// A fixed number of threads and a bounded queue of work.
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ionian {

class Pool {
 public:
  Pool(int threads, std::size_t queue_max);
  // Lets queued work finish, then ends the threads.
  ~Pool();
  // False if the queue is full or the pool is ending.
  bool post(std::function<void()> work);

 private:
  void main();
  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace ionian
