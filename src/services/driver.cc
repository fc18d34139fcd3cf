#include "services/driver.h"

namespace ionian::services {

std::optional<Time> Driver::after_batch(Time now) {
  if (const auto next = c_.core.next_tick(); next && *next <= now) c_.core.tick(now);
  for (const core::Action& action : c_.core.take_actions())
    std::visit([this](const auto& a) { carry_out(a); }, action);
  keep_outputs(c_, std::exchange(to_keep_, {}));
  const auto next = c_.core.next_tick();
  const auto look = schedules_.run_due(now);
  return next && look ? std::min(*next, *look) : next ? next : look;
}

void Driver::carry_out(const core::StartTask& a) {
  const core::FunctionConfig& config = c_.core.function(a.function)->config;
  tasks_.start(a.task, a.function, config.app, config.workspace, a.devices);
}

void Driver::carry_out(const core::AppEnded& a) {
  apps_.app_ended(a.app);
  images_.app_ended(a.app);
}

}  // namespace ionian::services
