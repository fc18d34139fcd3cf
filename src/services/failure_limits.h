#pragma once
// Wrong credentials by address: some are everybody's mistakes, thousands are somebody's search.
// Thread-safe.
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace ionian::services {

class FailureLimits {
 public:
  // An address may fail this often at once, and again once every kRefill after that.
  static constexpr int kBurst = 60;
  static constexpr Duration kRefill = 1s;
  static constexpr std::size_t kAddressesMax = 50'000;

  // UNAUTHENTICATED with the time of the next try for an address that has used up its failures.
  // Costs one atomic load while nobody has.
  Result<void> check(Time now, const std::string& address);
  // A failure. The same error if it was one too many.
  Result<void> note(Time now, const std::string& address);

 private:
  // When all failures of the address would be forgiven; grows by kRefill with each.
  Result<void> judge(Time now, Time forgiven) const;
  void forget_forgiven(Time now);

  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::unordered_map<std::string, Time> forgiven_at_;  // guarded by mutex_
};

}  // namespace ionian::services
