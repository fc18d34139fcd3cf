#pragma once
// Which folders of network file systems containers have mounted: one that is deleted for good stays
// on the disk as long. Safe from any thread.
#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"

namespace ionian::services {

class SharedMounts {
 public:
  void add(const TaskId& task, std::vector<std::string> folders) {
    if (folders.empty()) return;
    std::lock_guard lock(mutex_);
    of_[task] = std::move(folders);
  }
  void remove(const TaskId& task) {
    std::lock_guard lock(mutex_);
    of_.erase(task);
  }
  bool has(const std::string& folder) const {
    std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        of_, [&](const auto& each) { return std::ranges::count(each.second, folder) > 0; });
  }

 private:
  mutable std::mutex mutex_;
  std::map<TaskId, std::vector<std::string>> of_;  // guarded by mutex_
};

}  // namespace ionian::services
