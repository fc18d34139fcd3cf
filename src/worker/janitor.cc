#include "worker/janitor.h"

#include "base/file.h"
#include "base/log.h"

namespace ionian::worker {

Janitor::Janitor() : thread_([this] { main(); }) {}

Janitor::~Janitor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  came_.notify_one();
  thread_.join();
}

void Janitor::remove(std::string folder) {
  {
    std::lock_guard lock(mutex_);
    folders_.push_back(std::move(folder));
  }
  came_.notify_one();
}

void Janitor::main() {
  for (;;) {
    std::string folder;
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return stopping_ || !folders_.empty(); });
      if (folders_.empty()) return;
      folder = std::move(folders_.front());
      folders_.pop_front();
    }
    if (Result<void> removed = remove_tree(folder); !removed) log::warning(removed.error().message);
  }
}

}  // namespace ionian::worker
