// What callers no longer want, and what a former life of the server has left to do.
#include <algorithm>
#include <ranges>

#include "core/core.h"

namespace ionian::core {
namespace {

constexpr Duration kCancelAgain = 2s;

}  // namespace

void Core::cancel_call(Time now, const CallId& id, bool kill_containers) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Function* f = nullptr;
  if (const auto found = functions_.find(it->second.function); found != functions_.end())
    f = &found->second;
  const Result cancelled = server_result(Outcome::kTerminated, std::string(kCancelledText));
  // One walk over what waits, however many inputs the call has.
  const auto of_call = [&](const InputId& input) { return inputs_.at(input).call == id; };
  if (f) std::erase_if(f->pending, of_call);
  std::erase_if(retries_, [&](const auto& retry) { return of_call(retry.second); });
  const std::vector<InputId> inputs = it->second.inputs;
  for (const InputId& input_id : inputs) {
    Input& input = inputs_.at(input_id);
    const bool told = input.cancelled && input.state == InputState::kRunning && !kill_containers;
    if (input.state == InputState::kDone || told) continue;
    input.cancelled = true;
    if (input.state == InputState::kRunning) {
      cancel_running(now, input, kill_containers);
      continue;
    }
    finish_input(now, input, cancelled);
  }
  if (f) plan_next_batch(*f);
}

void Core::withdraw_inputs(const CallId& id, std::vector<InputId> inputs) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Call& call = it->second;
  std::unordered_set<InputId> going;
  for (const InputId& input_id : inputs) {
    const auto entry = inputs_.find(input_id);
    if (entry == inputs_.end() || entry->second.state != InputState::kPending) continue;
    going.insert(input_id);
    bytes_ -= entry->second.payload.size();
    count_unfinished(entry->second, -1);
    inputs_.erase(entry);
    App& app = apps_.at(call.app);
    if (--app.unfinished == 0 && app.draining) drained_.insert(app.id);
  }
  const auto goes = [&](const InputId& input_id) { return going.contains(input_id); };
  std::erase_if(functions_.at(call.function).pending, goes);
  std::erase_if(call.inputs, goes);
  plan_next_batch(functions_.at(call.function));
  if (call.inputs.empty()) drop_call(id);
}

// The first of a batch is gone. The one behind it may be older, if it comes back for another
// attempt, and may have lingered for long enough.
void Core::plan_next_batch(Function& f) {
  if (f.config.batch_linger > 0s && !f.pending.empty()) plan_first_batch(f);
}

void Core::cancel_running(Time now, Input& input, bool kill_container) {
  Task& task = tasks_.at(input.task);
  if (kill_container) {
    task.running.erase(input.id);
    finish_input(now, input, server_result(Outcome::kTerminated, std::string(kCancelledText)));
    if (!task.killed) kill_task(task);
    return;
  }
  task.to_cancel[input.id] = now;
  act(Notify{cancels_key(task.id)});
}

std::vector<InputId> Core::take_cancelled(Time now, const TaskId& id) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return {};
  Task& task = it->second;
  // It may have answered meanwhile.
  std::erase_if(task.to_cancel,
                [&](const auto& each) { return !task.running.contains(each.first); });
  std::vector<InputId> ids;
  for (auto& [input, due] : task.to_cancel)
    if (due <= now) ids.push_back(input), due = now + kCancelAgain;
  return ids;
}

std::optional<Time> Core::next_cancel(const TaskId& id) const {
  const auto it = tasks_.find(id);
  if (it == tasks_.end() || it->second.to_cancel.empty()) return std::nullopt;
  return std::ranges::min(std::views::values(it->second.to_cancel));
}

void Core::drain() {
  draining_ = true;
  const auto stays = [this](const InputId& id) {
    return !may_begin(calls_.at(inputs_.at(id).call));
  };
  for (auto& [id, f] : functions_) std::erase_if(f.pending, stays);
}

void Core::await_inside(Time now, const CallId& id) {
  Call& call = calls_.at(id);
  if (std::exchange(call.awaited_inside, true) || !draining_) return;
  const auto f = functions_.find(call.function);
  if (f == functions_.end()) return;
  for (const InputId& input : call.inputs)
    if (inputs_.at(input).state == InputState::kPending) f->second.pending.push_back(input);
  schedule(now, f->second);
}

void Core::restore_call(Time now, Call restored, std::vector<Input> inputs) {
  const CallId id = restored.id;
  if (calls_.contains(id)) return;
  App& app = apps_.at(restored.app);
  app.calls.insert(id);
  Call& call = calls_.emplace(id, std::move(restored)).first->second;
  call.asynchronous = true;
  // A machine's clock may have been set back since; nothing waits for what it showed before.
  call.created = std::min(call.created, now);
  if (!call.parent_input.empty()) children_.emplace(call.parent_input, id);
  const auto f = functions_.find(call.function);
  const bool runs = f != functions_.end() && !app.stopping;
  if (f != functions_.end()) call.counted = true, ++f->second.calls;
  std::vector<InputId> left;
  for (Input& input : inputs) {
    input.created = std::min(input.created, now);
    bytes_ += input.payload.size() + input.result.generic_result.size();
    call.inputs.push_back(input.id);
    call.last_index = std::max(call.last_index, input.index);
    if (input.state == InputState::kDone)
      input.kept = true, call.outputs.push_back(input.id);
    else
      left.push_back(input.id), count_unfinished(input, +1);
    inputs_.emplace(input.id, std::move(input));
  }
  std::ranges::sort(call.outputs, {}, [&](const InputId& o) { return inputs_.at(o).position; });
  call.done = call.published = call.outputs.size();
  for (std::size_t at = 0; at < call.published; ++at)
    call.by_index.emplace(inputs_.at(call.outputs[at]).index, at);
  if (!call.outputs.empty()) call.next_position = inputs_.at(call.outputs.back()).position + 1;
  app.unfinished += left.size();
  for (const InputId& input_id : left) {
    Input& input = inputs_.at(input_id);
    if (runs && !input.cancelled) {
      const Duration most = f->second.config.retry.delay(input.attempts);
      // Never longer than the clock of now would have it wait.
      if (input.next_attempt) input.next_attempt = std::min(*input.next_attempt, now + most);
      if (input.next_attempt > now)
        await_retry(input);
      else if (may_begin(call))
        f->second.pending.push_back(input_id);
    } else {
      finish_input(now, input,
                   server_result(Outcome::kTerminated,
                                 runs ? std::string(kCancelledText) : "the app was stopped"));
    }
  }
  if (call.published == call.inputs.size()) plan_release(now, call);
  if (runs) schedule(now, f->second);
}

}  // namespace ionian::core
