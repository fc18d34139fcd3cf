#include "services/driver.h"

namespace ionian::services {

std::optional<Time> Driver::after_batch(Time now) {
  if (const auto next = c_.core.next_tick(); next && *next <= now) c_.core.tick(now);
  for (const core::Action& action : c_.core.take_actions())
    std::visit([this](const auto& a) { carry_out(a); }, action);
  return c_.core.next_tick();
}

void Driver::carry_out(const core::StartTask& a) {
  const core::FunctionConfig& config = c_.core.function(a.function)->config;
  tasks_.start(a.task, a.function, config.app, config.workspace);
}

void Driver::carry_out(const core::AppEnded& a) {
  apps_.app_ended(a.app);
  images_.app_ended(a.app);
}

void Driver::carry_out(const core::KeepOutput&) {}

}  // namespace ionian::services
