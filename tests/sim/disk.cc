#include "sim/disk.h"

#include <algorithm>

namespace ionian::sim {

using core::InputState;

void Disk::accepted(const CallId& id, const std::vector<InputId>& inputs) {
  const core::Call& live = *w_.core.call(id);
  core::Call& call = calls_[id];
  call.id = id;
  call.function = live.function;
  call.app = live.app;
  call.workspace = live.workspace;
  call.type = live.type;
  call.asynchronous = true;
  call.created = live.created;
  for (const InputId& input_id : inputs) {
    const core::Input& from = *w_.core.input(input_id);
    core::Input& input = inputs_[input_id];
    input.id = input_id;
    input.call = id;
    input.function = from.function;
    input.index = from.index;
    input.method = from.method;
    input.payload = from.payload;
    input.created = from.created;
    call.inputs.push_back(input_id);
  }
}

void Disk::write(std::function<void(bool)> effect) {
  last_write_ = std::max(last_write_, w_.now() + w_.between(0s, 100ms));
  const bool arrives = w_.calm || !w_.one_in(15);
  w_.after(last_write_ - w_.now(), [this, life = life_, arrives, effect = std::move(effect)] {
    if (life == life_) effect(arrives);
  });
}

void Disk::keep_output(const InputId& id) {
  const core::Input input = *w_.core.input(id);
  write([this, id, input](bool arrived) {
    if (!arrived) return w_.core.output_not_kept(w_.now(), id);
    core::Input& kept = inputs_.at(id);
    kept.state = InputState::kDone;
    kept.task = input.task;
    kept.position = input.position;
    kept.result = input.result;
    kept.payload.clear();
    model_.committed(id);
    w_.core.output_kept(w_.now(), id);
  });
}

void Disk::keep_attempts(const InputId& id) {
  const core::Input& live = *w_.core.input(id);
  write([this, id, attempts = live.attempts, lost = live.lost_containers,
         next = live.next_attempt](bool arrived) {
    if (!arrived) return;
    core::Input& kept = inputs_.at(id);
    kept.attempts = attempts, kept.lost_containers = lost, kept.next_attempt = next;
  });
}

bool Disk::unfinished(const CallId& id) const {
  return std::ranges::any_of(calls_.at(id).inputs, [&](const InputId& input) {
    return inputs_.at(input).state != InputState::kDone;
  });
}

void Disk::restore_call(const CallId& id) {
  core::Call call = calls_.at(id);
  std::vector<core::Input> inputs;
  for (const InputId& input : std::exchange(call.inputs, {})) {
    inputs.push_back(inputs_.at(input));
    model_.restored(call, inputs_.at(input));
  }
  w_.core.restore_call(w_.now(), std::move(call), std::move(inputs));
}

void Disk::restart() {
  ++life_;
  w_.restart();
  last_write_ = w_.now();
  model_.server_died();
  for (const auto& [id, record] : apps_) {
    if (record.stopped) {
      w_.core.add_stopped_app(w_.now(), {.id = id, .workspace = record.app.workspace});
      model_.restored_stopped(id);
    } else {
      w_.core.add_app(w_.now(), record.app);
      for (const auto& [name, function] : functions_)
        if (function.app == id) w_.core.define_function(w_.now(), function);
    }
    for (const auto& [name, call] : calls_)
      if (call.app == id && unfinished(name)) restore_call(name);
    if (record.left && !record.stopped) w_.core.disconnect_app(w_.now(), id);
  }
}

void Disk::bring_function(const FunctionId& id) {
  if (!w_.core.function(id)) w_.core.define_function(w_.now(), functions_.at(id));
}

bool Disk::load(const CallId& id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return false;
  if (w_.core.call(id)) return true;
  const AppId& app = it->second.app;
  if (!w_.core.app(app))
    w_.core.add_stopped_app(w_.now(), {.id = app, .workspace = it->second.workspace});
  bring_function(it->second.function);
  restore_call(id);
  return true;
}

}  // namespace ionian::sim
