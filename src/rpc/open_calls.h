#pragma once
// Calls that may last: polls and streams. They are asked again, once a second, whether their caller
// may still have them.
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace ionian::rpc {

class OpenCall {
 public:
  virtual ~OpenCall() = default;
  // Ends the call if its caller's right to it has ended.
  virtual void recheck() = 0;
};

class OpenCalls {
 public:
  void add(const std::shared_ptr<OpenCall>& call) {
    std::lock_guard lock(mutex_);
    calls_[call.get()] = call;
  }
  void remove(const OpenCall* call) {
    std::lock_guard lock(mutex_);
    calls_.erase(call);
  }
  void recheck_all() {
    std::vector<std::shared_ptr<OpenCall>> all;
    {
      std::lock_guard lock(mutex_);
      all.reserve(calls_.size());
      for (const auto& [raw, weak] : calls_)
        if (auto call = weak.lock()) all.push_back(std::move(call));
    }
    for (const auto& call : all) call->recheck();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const OpenCall*, std::weak_ptr<OpenCall>> calls_;  // guarded by mutex_
};

}  // namespace ionian::rpc
