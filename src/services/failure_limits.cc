#include "services/failure_limits.h"

#include <algorithm>

namespace ionian::services {

Result<void> FailureLimits::judge(Time now, Time forgiven) const {
  const Duration over = forgiven - now - kBurst * kRefill;
  if (over <= Duration::zero()) return {};
  return fail(Code::kUnauthenticated,
              "too many wrong tokens came from this address; the next try is possible in ",
              std::chrono::ceil<std::chrono::seconds>(over).count(), " s");
}

Result<void> FailureLimits::check(Time now, const std::string& address) {
  if (!any_.load(std::memory_order_relaxed)) return {};
  std::lock_guard lock(mutex_);
  const auto it = forgiven_at_.find(address);
  if (it == forgiven_at_.end()) return {};
  if (it->second > now) return judge(now, it->second);
  forgiven_at_.erase(it);
  any_ = !forgiven_at_.empty();
  return {};
}

Result<void> FailureLimits::note(Time now, const std::string& address) {
  std::lock_guard lock(mutex_);
  if (forgiven_at_.size() >= kAddressesMax) forget_forgiven(now);
  // With every place taken by searchers a new address goes uncounted: the secrets' own length still
  // holds.
  if (forgiven_at_.size() >= kAddressesMax && !forgiven_at_.contains(address)) return {};
  Time& forgiven = forgiven_at_[address];
  forgiven = std::max(forgiven, now) + kRefill;
  any_ = true;
  return judge(now, forgiven);
}

void FailureLimits::forget_forgiven(Time now) {
  std::erase_if(forgiven_at_, [&](const auto& entry) { return entry.second <= now; });
}

}  // namespace ionian::services
