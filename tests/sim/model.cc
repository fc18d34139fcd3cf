#include "sim/model.h"

#include "sim/core_check.h"

namespace ionian::sim {

using core::CoreCheck;
using core::InputState;
using core::Outcome;

void Model::accepted(const CallId& id, const std::vector<InputId>& inputs) {
  const core::Call* call = w_.core.call(id);
  for (const InputId& input : inputs) {
    const bool fresh = inputs_
                           .emplace(input, Accepted{.call = id,
                                                    .app = call->app,
                                                    .function = call->function,
                                                    .asynchronous = call->asynchronous})
                           .second;
    if (!fresh) w_.violation("input id ", input, " was given twice");
  }
}

void Model::started(const TaskId& task, const FunctionId& function) {
  if (!containers_.emplace(task, Container{.function = function}).second)
    w_.violation("container ", task, " was started twice");
}

void Model::took(const TaskId& task, const InputId& id) {
  const auto it = inputs_.find(id);
  if (it == inputs_.end()) return w_.violation(task, " was given unknown input ", id);
  Accepted& known = it->second;
  if (known.final) w_.violation(task, " was given finished input ", id);
  for (const auto& [other, container] : containers_)
    if (container.holds.contains(id) && !container.killed && !container.interrupted &&
        other != task)
      w_.violation(id, " was given to ", task, " while ", other, " runs it");
  Container& container = containers_.at(task);
  if (container.function != known.function)
    w_.violation(task, " was given another function's input ", id);
  if (!container.holds.insert(id).second) w_.violation(task, " was given ", id, " twice");
  const std::uint32_t retries = w_.core.function(known.function)->config.retry.retries;
  // A start is the first, or follows a failure that the policy retries, or a lost container, or
  // one that was stopped.
  if (++known.starts >
      known.lives * (1 + retries + w_.limits.lost_containers_max) + known.interruptions)
    w_.violation(id, " was started ", known.starts, " times with ", retries, " retries");
}

void Model::interrupted(const TaskId& task) {
  const auto it = containers_.find(task);
  if (it == containers_.end()) return;
  it->second.interrupted = true;
  for (const InputId& id : it->second.holds)
    if (const auto known = inputs_.find(id); known != inputs_.end()) ++known->second.interruptions;
}

void Model::exited(const TaskId& task) {
  containers_.erase(task);
  past_.insert(task);
}

void Model::put(const TaskId& task, const InputId& id, core::Result result) {
  const core::Input* before = w_.core.input(id);
  const bool current = before && before->state == InputState::kRunning && before->task == task;
  const auto retries = [&] { return w_.core.function(before->function)->config.retry.retries; };
  const bool stopping = current && w_.core.app(w_.core.call(before->call)->app)->stopping;
  const bool again = current && result.outcome != Outcome::kSuccess && !stopping &&
                     !before->cancelled && before->attempts < retries();
  const core::Input was = before ? *before : core::Input();
  const std::string text = result.generic_result;
  if (const auto it = containers_.find(task); it != containers_.end() && current)
    it->second.holds.erase(id);
  w_.core.put_output(w_.now(), task, id, std::move(result));
  const core::Input* now = w_.core.input(id);
  if (!now) {
    if (before) w_.violation("an output made the core forget input ", id);
    return;
  }
  if (!current && (now->state != was.state || now->attempts != was.attempts ||
                   now->result.generic_result != was.result.generic_result))
    w_.violation("an output of ", task, ", which does not run ", id, ", changed it");
  if (!current) return;
  if (again && (now->state != InputState::kWaitingForRetry || now->attempts != was.attempts + 1))
    w_.violation("a failure of ", id, " was not retried");
  if (!again && (now->state != InputState::kDone || now->result.generic_result != text))
    w_.violation("the output of ", id, " was not kept");
}

void Model::kill_asked(const TaskId& task) {
  const auto it = containers_.find(task);
  if (it == containers_.end()) return check_was(task);
  if (it->second.killed) w_.violation("second kill of container ", task);
  it->second.killed = true;
}

void Model::stop_asked(const TaskId& task) {
  if (!containers_.contains(task)) check_was(task);
}

// It may have ended in the same batch of events.
void Model::check_was(const TaskId& task) {
  if (!past_.contains(task)) w_.violation("stop of unknown container ", task);
}

void Model::noted(const TaskId& task, int state) {
  int& last = states_[task];
  if (state <= last) w_.violation("state ", state, " of ", task, " after ", last);
  last = state;
}

void Model::kept(const InputId& input) {
  const auto it = inputs_.find(input);
  if (it == inputs_.end() || !it->second.asynchronous)
    return w_.violation("keeps output of ", input);
  if (it->second.committed) w_.violation("keeps the output of ", input, " twice");
  it->second.keep_asked = true;
}

void Model::committed(const InputId& input) {
  if (const auto it = inputs_.find(input); it != inputs_.end()) it->second.committed = true;
}

void Model::read(const InputId& input) {
  const auto it = inputs_.find(input);
  if (it == inputs_.end() || (it->second.asynchronous && !it->second.committed))
    w_.violation("the result of ", input, " was read before it was on disk");
  if (it != inputs_.end()) it->second.read = true;
}

void Model::server_died() {
  for (const auto& [id, container] : containers_) past_.insert(id);
  containers_.clear();
  for (auto it = inputs_.begin(); it != inputs_.end();) {
    Accepted& known = it->second;
    if (!known.asynchronous) {
      it = inputs_.erase(it);
      continue;
    }
    ++known.lives;
    if (!known.committed) known.final = known.keep_asked = false;
    ++it;
  }
}

void Model::restored(const core::Call& call, const core::Input& input) {
  Accepted& known = inputs_[input.id];
  known.call = call.id;
  known.app = call.app;
  known.function = call.function;
  known.asynchronous = true;
  if (input.state != InputState::kDone) return;
  if (known.final && known.result != input.result.generic_result)
    w_.violation("the result of ", input.id, " changed on disk");
  known.final = known.keep_asked = known.committed = true;
  known.result = input.result.generic_result;
}

void Model::app_ended(const AppId& app) {
  if (!apps_.contains(app) || !ended_.insert(app).second) w_.violation("app ", app, " ended twice");
  for (const auto& [id, task] : CoreCheck(w_.core).tasks())
    if (task.app == app) w_.violation("app ", app, " ended while its container ", id, " lives");
}

std::string Model::unfinished() const {
  std::string text;
  for (const auto& [id, known] : inputs_) {
    if (known.final) continue;
    const core::Input* input = w_.core.input(id);
    const core::Function* f = w_.core.function(known.function);
    cat_to(text, ' ', id, " state ", static_cast<int>(input->state), " of ", known.function,
           " with ", f->tasks.size(), " containers, min ", f->config.min_containers, " max ",
           f->config.max_containers, ";");
  }
  for (const auto& [id, app] : CoreCheck(w_.core).apps())
    if (!app.stopping) cat_to(text, ' ', id, " lives with ", app.unfinished, " unfinished;");
  return text;
}

bool Model::drained(const AppId& app) const {
  for (const auto& [id, known] : inputs_)
    if (known.app == app && !known.final) return false;
  return true;
}

}  // namespace ionian::sim
