#pragma once
// Removes folders on a thread of its own, so that a task with a million files ends as quickly as
// one with none.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace ionian::worker {

class Janitor {
 public:
  Janitor();
  // Waits until all that was given to it is gone.
  ~Janitor();
  void remove(std::string folder);

 private:
  void main();
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::string> folders_;  // guarded by mutex_
  bool stopping_ = false;            // guarded by mutex_
  std::thread thread_;
};

}  // namespace ionian::worker
