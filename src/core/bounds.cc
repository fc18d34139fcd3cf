// What is kept for callers is bounded: by number, by bytes, and by the patience with callers that
// have gone.
#include "core/core.h"

namespace ionian::core {

std::size_t Core::awaited_and_running(const Function& f) const {
  std::size_t count = 0;
  for (const TaskId& task : f.tasks)
    for (const InputId& input : tasks_.at(task).running)
      count += !calls_.at(inputs_.at(input).call).asynchronous;
  return count;
}

ionian::Result<void> Core::check_room(const Function& f, const Call& call,
                                      const std::vector<NewInput>& fresh) const {
  const std::size_t count = fresh.size();
  std::size_t bytes = 0;
  for (const NewInput& input : fresh) bytes += input.payload.size();
  if (inputs_.size() + count > limits_.inputs_max ||
      call.arrived() + count > limits_.inputs_per_call_max || bytes_ + bytes > limits_.bytes_max)
    return fail(Code::kResourceExhausted,
                "too many inputs are waiting on this server; try again later");
  if (call.asynchronous) {
    if (f.spawned + count <= limits_.spawned_max) return {};
    return fail(Code::kResourceExhausted, "function ", f.config.id, " has ", f.spawned,
                " spawned inputs that are not done, and may have ", limits_.spawned_max,
                " (--spawned-inputs); try again later");
  }
  if (f.awaited + count > limits_.awaited_max)
    return fail(Code::kResourceExhausted, "function ", f.config.id, " has ", f.awaited,
                " inputs that are not done, and may have ", limits_.awaited_max,
                " (--function-inputs); try again later, or use .spawn()");
  if (f.awaited + count <= limits_.pending_max) return {};
  const std::size_t pending = f.awaited - awaited_and_running(f);
  if (pending + count <= limits_.pending_max) return {};
  return fail(Code::kResourceExhausted, "function ", f.config.id, " has ", pending,
              " inputs that wait for a container, and may have ", limits_.pending_max,
              " (--pending-inputs); try again later, or use .spawn()");
}

void Core::count_unfinished(const Input& input, int by) {
  const auto f = functions_.find(input.function);
  if (f == functions_.end()) return;
  (calls_.at(input.call).asynchronous ? f->second.spawned : f->second.awaited) +=
      static_cast<std::size_t>(by);
}

void Core::attend(Time now, const CallId& id, std::size_t position) {
  Call& call = calls_.at(id);
  call.asked = now;
  if (call.asynchronous || call.type != CallType::kMap) return;
  for (; call.read < std::min(position, call.published); ++call.read) {
    std::string& bytes = inputs_.at(call.output(call.read)).result.generic_result;
    bytes_ -= bytes.size();
    std::string().swap(bytes);
  }
  // Many at once, for the others are looked at each time.
  if (call.read - call.forgotten >= 2 * limits_.read_inputs_kept + 1) forget_read_inputs(call);
}

// A map may be longer than what one server holds.
void Core::forget_read_inputs(Call& call) {
  for (; call.read - call.forgotten > limits_.read_inputs_kept; ++call.forgotten) {
    const auto input = inputs_.find(call.outputs.front());
    ++call.forgotten_outcomes[input->second.result.outcome];
    inputs_.erase(input);
    call.outputs.pop_front();
  }
  std::erase_if(call.inputs, [this](const InputId& id) { return !inputs_.contains(id); });
}

void Core::deliver(Time now, const CallId& id, std::size_t position, std::size_t end) {
  const Call& call = calls_.at(id);
  for (; position < std::min(end, call.published); ++position) {
    Input& input = inputs_.at(call.output(position));
    if (input.delivered == Time{}) input.delivered = now;
  }
}

// A client that was killed says nothing, and the app of a deployed function lives on.
void Core::cancel_unattended(Time now) {
  if (calls_.empty() || now < unattended_looked_for_ + limits_.look_for_unattended) return;
  unattended_looked_for_ = now;
  std::vector<CallId> unattended;
  for (const auto& [id, call] : calls_)
    if (!call.asynchronous && now - call.asked > limits_.unattended_call) unattended.push_back(id);
  for (const CallId& id : unattended) {
    cancel_call(now, id, /*kill_containers=*/false);
    release_call(now, id);
  }
}

}  // namespace ionian::core
