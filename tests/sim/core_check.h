#pragma once
// What the simulator looks at inside of the core; nothing here changes it.
#include "core/core.h"

namespace ionian::core {

class CoreCheck {
 public:
  explicit CoreCheck(const Core& core) : c_(core) {}
  const auto& apps() const { return c_.apps_; }
  const auto& functions() const { return c_.functions_; }
  const auto& calls() const { return c_.calls_; }
  const auto& inputs() const { return c_.inputs_; }
  const auto& children() const { return c_.children_; }
  const auto& tasks() const { return c_.tasks_; }
  const auto& retries() const { return c_.retries_; }
  const auto& keep_again() const { return c_.keep_again_; }
  const auto& releases() const { return c_.releases_; }
  const auto& forgets() const { return c_.forgets_; }
  const auto& restarts() const { return c_.restarts_; }
  const auto& lingers() const { return c_.lingers_; }
  const auto& task_deadlines() const { return c_.task_deadlines_; }
  const auto& drained() const { return c_.drained_; }

 private:
  const Core& c_;
};

}  // namespace ionian::core
