#include "services/driver.h"

namespace ionian::services {
namespace {

// When the first of two wants to be called again.
std::optional<Time> sooner(std::optional<Time> a, std::optional<Time> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

std::optional<Time> Driver::after_batch(Time now) {
  if (const auto next = c_.core.next_tick(); next && *next <= now) c_.core.tick(now);
  for (const core::Action& action : c_.core.take_actions(now))
    std::visit([this](const auto& a) { carry_out(a); }, action);
  keep_outputs(c_, std::exchange(to_keep_, {}),
               [this](const InputId& id) { history_.output_kept(id); });
  const auto later =
      sooner(sooner(schedules_.run_due(now), history_.flush_due(now)), images_.write_again(now));
  return sooner(sooner(c_.core.next_tick(), apps_.close_again(now)), later);
}

void Driver::carry_out(const core::Notify& a) {
  constexpr std::string_view kOutputs = "outputs:";
  if (a.key.starts_with(kOutputs)) history_.look_at_call(CallId(a.key.substr(kOutputs.size())));
  c_.core_loop.notify(a.key);
}

void Driver::carry_out(const core::StartTask& a) {
  const core::FunctionConfig& config = c_.core.function(a.function)->config;
  tasks_.start(a.task, a.function, config.app, config.workspace, a.devices);
}

void Driver::carry_out(const core::NoteTaskState& a) {
  if (c_.core.task(a.task)) history_.look_at_task(a.task);
  tasks_.note_state(a.task, a.app, a.function, a.state);
}

void Driver::carry_out(const core::AppEnded& a) {
  apps_.app_ended(a.app);
  images_.app_ended(a.app);
}

}  // namespace ionian::services
