// Calls and their inputs, from arrival to result.
#include <algorithm>
#include <cmath>

#include "core/core.h"

namespace ionian::core {

Duration RetryPolicy::delay(std::uint32_t attempt) const {
  const double factor = std::pow(std::max(1.0, backoff_coefficient), attempt - 1);
  const double seconds = std::chrono::duration<double>(initial_delay).count() * factor;
  return std::min(max_delay, from_seconds(std::min(seconds, 3600.0)));
}

std::unordered_map<WorkspaceId, Time> Core::oldest_calls() const {
  std::unordered_map<WorkspaceId, Time> found;
  for (const auto& [id, call] : calls_) {
    Time& oldest = found.try_emplace(call.workspace, call.created).first->second;
    oldest = std::min(oldest, call.created);
  }
  return found;
}

const Call* Core::call(const CallId& id) const {
  const auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : &it->second;
}

const Input* Core::input(const InputId& id) const {
  const auto it = inputs_.find(id);
  return it == inputs_.end() ? nullptr : &it->second;
}

std::vector<const Call*> Core::calls_made_by(const WorkspaceId& workspace,
                                             const InputId& id) const {
  std::vector<const Call*> made;  // ids begin with the time of their making
  for (auto it = children_.lower_bound({id, CallId()}); it != children_.end() && it->first == id;
       ++it)
    if (const Call& each = calls_.at(it->second); each.workspace == workspace)
      made.push_back(&each);
  return made;
}

ionian::Result<CallId> Core::start_call(Time now, const NewCall& request) {
  if (draining_ && !request.from_container) return fail(Code::kUnavailable, kStoppingText);
  const auto f = functions_.find(request.function);
  if (f == functions_.end() || f->second.config.workspace != request.workspace)
    return fail(Code::kNotFound, "function ", request.function,
                " does not exist, or its app is stopped");
  App& app = apps_.at(f->second.config.app);
  if (app.stopping) return fail(Code::kFailedPrecondition, "app ", app.id, " is stopped");
  Call call;
  call.id = CallId::make(random_, now);
  call.function = request.function;
  call.app = app.id;
  call.workspace = request.workspace;
  call.parent_input = request.parent_input;
  call.type = request.type;
  call.asynchronous = request.asynchronous;
  call.from_container = request.from_container;
  call.awaited_inside = request.from_container && !request.asynchronous;
  call.invocation_type = request.invocation_type;
  call.created = call.asked = now;
  app.calls.insert(call.id);
  call.counted = true;
  ++f->second.calls;
  const CallId id = call.id;
  if (!call.parent_input.empty()) children_.emplace(call.parent_input, id);
  calls_.emplace(id, std::move(call));
  return id;
}

ionian::Result<std::vector<InputId>> Core::put_inputs(Time now, const CallId& id,
                                                      std::vector<NewInput> fresh) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return fail(Code::kNotFound, "function call ", id, " does not exist");
  Call& call = it->second;
  if (draining_ && !call.from_container) return fail(Code::kUnavailable, kStoppingText);
  if (apps_.at(call.app).stopping)
    return fail(Code::kFailedPrecondition, "app ", call.app, " is stopped");
  Function& f = functions_.at(call.function);
  TRY(check_room(f, call, fresh));
  if (call.release_at && !fresh.empty()) {
    releases_.erase({*call.release_at, id});
    call.release_at.reset();
  }
  std::vector<InputId> ids;
  for (NewInput& from : fresh) {
    Input input;
    input.id = InputId::make(random_, now);
    input.call = id;
    input.function = call.function;
    input.index = from.index;
    input.method = std::move(from.method);
    input.payload = std::move(from.payload);
    input.created = now;
    ids.push_back(input.id);
    call.inputs.push_back(input.id);
    call.last_index = std::max(call.last_index, input.index);
    if (may_begin(call)) f.pending.push_back(input.id);
    bytes_ += input.payload.size();
    count_unfinished(input, +1);
    inputs_.emplace(input.id, std::move(input));
  }
  apps_.at(call.app).unfinished += ids.size();
  schedule(now, f);
  return ids;
}

void Core::finish_input(Time now, Input& input, Result result) {
  CHECK(input.state != InputState::kDone);
  count_unfinished(input, -1);
  bytes_ -= input.payload.size();
  bytes_ += result.generic_result.size();
  input.payload.clear();
  input.payload.shrink_to_fit();
  input.state = InputState::kDone;
  input.done = now;
  input.result = std::move(result);
  Call& call = calls_.at(input.call);
  input.position = call.next_position++;
  call.outputs.push_back(input.id);
  ++call.done;
  if (call.asynchronous) return act(KeepOutput{input.id});
  input.kept = true;
  publish(now, call);
}

void Core::publish(Time now, Call& call) {
  const std::size_t before = call.published;
  // In the order of completion, which is what cursors count by.
  while (call.published < call.forgotten + call.outputs.size() &&
         inputs_.at(call.output(call.published)).kept) {
    if (call.asynchronous)
      call.by_index.emplace(inputs_.at(call.output(call.published)).index, call.published);
    ++call.published;
  }
  if (call.published == before) return;
  last_result_ = now;
  act(Notify{outputs_key(call.id)});
  act(Notify{data_out_key(call.id)});
  App& app = apps_.at(call.app);
  app.unfinished -= call.published - before;
  // Its end is the next tick's business: whoever finishes inputs may still be walking over them.
  if (app.unfinished == 0 && app.draining) drained_.insert(app.id);
  if (call.asynchronous && call.published == call.arrived()) plan_release(now, call);
}

void Core::output_kept(Time now, const InputId& id) {
  const auto it = inputs_.find(id);
  if (it == inputs_.end() || it->second.state != InputState::kDone) return;
  it->second.kept = true;
  it->second.kept_at = now;
  publish(now, calls_.at(it->second.call));
}

// The disk may have room again later; until then nobody is shown what a crash would undo.
void Core::output_not_kept(Time now, const InputId& id) {
  if (inputs_.contains(id)) keep_again_.emplace(now + limits_.keep_again, id);
}

void Core::keep_attempts(const Input& input) {
  if (calls_.at(input.call).asynchronous) act(KeepAttempts{input.id});
}

void Core::requeue(Time now, Input& input) {
  input.state = InputState::kPending;
  input.next_attempt.reset();
  Function& f = functions_.at(input.function);
  Call& call = calls_.at(input.call);
  // To the front: it has waited longest.
  if (may_begin(call)) f.pending.push_front(input.id);
  // A generator starts again from its first chunk.
  for (const DataChunk& chunk : call.data_out) bytes_ -= chunk.serialized.size();
  call.data_out.clear();
  call.data_out_read = 0;
  schedule(now, f);
}

void Core::settle_attempt(Time now, Input& input, Result result) {
  const RetryPolicy& retry = functions_.at(input.function).config.retry;
  const bool retryable = result.outcome == Outcome::kFailure ||
                         result.outcome == Outcome::kTimeout ||
                         result.outcome == Outcome::kInternalFailure;
  const bool stopping = apps_.at(calls_.at(input.call).app).stopping;
  if (!retryable || stopping || input.cancelled || input.attempts >= retry.retries)
    return finish_input(now, input, std::move(result));
  ++input.attempts;
  input.next_attempt = now + retry.delay(input.attempts);
  keep_attempts(input);
  await_retry(input);
}

void Core::await_retry(Input& input) {
  input.state = InputState::kWaitingForRetry;
  retries_.emplace(*input.next_attempt, input.id);
}

ionian::Result<void> Core::retry_input(Time now, const CallId& id, const InputId& input_id,
                                       NewInput again) {
  const auto it = calls_.find(id);
  const auto entry = inputs_.find(input_id);
  if (it == calls_.end() || entry == inputs_.end() || entry->second.call != id)
    return fail(Code::kNotFound, "input ", input_id, " of function call ", id, " does not exist");
  Call& call = it->second;
  Input& input = entry->second;
  if (input.state != InputState::kDone) return {};
  if (draining_ && !call.from_container) return fail(Code::kUnavailable, kStoppingText);
  if (apps_.at(call.app).stopping)
    return fail(Code::kFailedPrecondition, "app ", call.app, " is stopped");
  // Of others what was read never changes: it is on disk, or counted by a cursor.
  if (call.asynchronous || call.type == CallType::kMap || call.arrived() != 1)
    return fail(Code::kFailedPrecondition, "function call ", id,
                " is not a synchronous one of one input: its results are final");
  if (input.result.outcome == Outcome::kSuccess || input.result.outcome == Outcome::kTerminated)
    return fail(Code::kFailedPrecondition, "input ", input_id,
                " has succeeded or was cancelled: its result is final");
  std::vector<NewInput> fresh;
  fresh.push_back(std::move(again));
  TRY(check_room(functions_.at(call.function), call, fresh));
  bytes_ -= input.result.generic_result.size();
  input.result = {};
  input.payload = std::move(fresh.front().payload);
  bytes_ += input.payload.size();
  input.kept = false;
  input.done = input.delivered = {};
  call.outputs.clear();
  call.done = call.published = call.next_position = 0;
  call.asked = now;
  if (call.release_at) releases_.erase({*std::exchange(call.release_at, std::nullopt), id});
  count_unfinished(input, +1);
  ++apps_.at(call.app).unfinished;
  requeue(now, input);
  return {};
}

// The container is gone and it was not this input's doing: it runs again elsewhere, a bounded
// number of times.
void Core::lose_container(Time now, Input& input, const Task& task, bool cut_off) {
  const bool stopping = apps_.at(task.app).stopping;
  if (stopping)
    return finish_input(now, input, server_result(Outcome::kTerminated, "the app was stopped"));
  if (input.cancelled)
    return finish_input(now, input,
                        server_result(Outcome::kTerminated, std::string(kCancelledText)));
  const std::uint32_t most = cut_off ? std::min(limits_.cut_off_max, limits_.lost_containers_max)
                                     : limits_.lost_containers_max;
  if (++input.lost_containers > most)
    return finish_input(
        now, input,
        server_result(
            Outcome::kFailure,
            cat("the container ", cut_off ? "lost its connection" : "was lost", ", and ", most,
                " more had been lost before while this input ran; it was given up")));
  keep_attempts(input);
  requeue(now, input);
}

void Core::put_output(Time now, const TaskId& id, const InputId& input_id, Result result) {
  const auto it = inputs_.find(input_id);
  const auto task = tasks_.find(id);
  if (it == inputs_.end() || task == tasks_.end()) return;
  Input& input = it->second;
  if (input.state != InputState::kRunning || input.task != id) return;
  Task& t = task->second;
  t.running.erase(input_id);
  if (t.running.empty()) t.idle_since = now;
  note_running(t);
  refresh_deadline(now, t);
  if (t.running.empty() && !t.takes_more()) stop_task(now, t, StopReason::kStopped);
  settle_attempt(now, input, std::move(result));
  schedule(now, functions_.at(t.function));
}

void Core::fail_pending(Time now, Function& f, const Result& result) {
  std::deque<InputId> pending;
  pending.swap(f.pending);
  for (const InputId& id : pending) finish_input(now, inputs_.at(id), result);
  for (auto it = retries_.begin(); it != retries_.end();) {
    Input& input = inputs_.at(it->second);
    if (input.function != f.config.id) {
      ++it;
      continue;
    }
    it = retries_.erase(it);
    finish_input(now, input, result);
  }
}

// Looks at what the task runs, which is bounded by its slots; a call may have very many inputs.
bool Core::runs_input_of(const TaskId& id, const CallId& call) const {
  const auto task = tasks_.find(id);
  if (task == tasks_.end()) return false;
  return std::ranges::any_of(task->second.running,
                             [&](const InputId& input) { return inputs_.at(input).call == call; });
}

ionian::Result<void> Core::add_data_out(const TaskId& task, const CallId& id,
                                        std::uint64_t first_index, std::vector<DataChunk> chunks) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return fail(Code::kNotFound, "function call ", id, " does not exist");
  if (!runs_input_of(task, id)) return {};
  Call& call = it->second;
  // A repeated request brings chunks that are there already.
  const std::uint64_t next = call.data_out_read + call.data_out.size() + 1;
  if (first_index > next)
    return fail(Code::kFailedPrecondition, "data chunk ", first_index, " came before chunk ", next);
  act(Notify{data_out_key(id)});
  for (std::size_t skip = next - first_index; skip < chunks.size(); ++skip) {
    if (bytes_ + chunks[skip].serialized.size() > limits_.bytes_max)
      return fail(Code::kResourceExhausted, "too much generator output is waiting to be read");
    bytes_ += chunks[skip].serialized.size();
    call.data_out.push_back(std::move(chunks[skip]));
  }
  return {};
}

void Core::await_data_out(Time now, const CallId& id, std::uint64_t last_index) {
  attend(now, id, 0);
  Call& call = calls_.at(id);
  if (call.asynchronous) return;
  for (; call.data_out_read < last_index && !call.data_out.empty(); ++call.data_out_read) {
    bytes_ -= call.data_out.front().serialized.size();
    call.data_out.pop_front();
  }
}

void Core::release_call(Time now, const CallId& id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  Call& call = it->second;
  // What comes later has not been read yet.
  if (call.asynchronous || call.release_at || call.done < call.arrived()) return;
  plan_release(now, call);
}

void Core::plan_release(Time now, Call& call) {
  if (call.release_at) releases_.erase({*call.release_at, call.id});
  call.release_at = now + limits_.keep_read_call;
  releases_.emplace(*call.release_at, call.id);
}

void Core::cancel_empty_call(const CallId& id) {
  CHECK(calls_.at(id).inputs.empty());
  drop_call(id);
}

void Core::drop_call(const CallId& id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  if (const auto app = apps_.find(it->second.app); app != apps_.end()) app->second.calls.erase(id);
  forget_call(id);
}

void Core::forget_call(const CallId& id) {
  const auto it = calls_.find(id);
  Call& call = it->second;
  if (call.release_at) releases_.erase({*call.release_at, id});
  children_.erase({call.parent_input, id});
  for (const InputId& input : call.inputs) {
    const auto entry = inputs_.find(input);
    bytes_ -= entry->second.payload.size() + entry->second.result.generic_result.size();
    inputs_.erase(entry);
  }
  for (const DataChunk& chunk : call.data_out) bytes_ -= chunk.serialized.size();
  const auto f = functions_.find(call.function);
  if (call.counted && f != functions_.end()) --f->second.calls;
  calls_.erase(it);
}

}  // namespace ionian::core
