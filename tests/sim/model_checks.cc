// The comparisons after every step.
#include "sim/core_check.h"
#include "sim/model.h"

namespace ionian::sim {

using core::CoreCheck;
using core::InputState;
using core::Outcome;
using core::TaskState;

void Model::check() {
  check_inputs();
  check_pending();
  check_calls();
  check_tasks();
  check_functions();
  check_queues();
}

// No input is lost, each has one result, and the counters say what there is.
void Model::check_inputs() {
  for (auto it = inputs_.begin(); it != inputs_.end();) {
    auto& [id, known] = *it;
    const core::Input* input = w_.core.input(id);
    if (!input) {
      // Only what is finished may be forgotten.
      if (!known.final && !known.read) w_.violation("input ", id, " is lost");
      if (const core::Call* call = w_.core.call(known.call); call && !known.read)
        w_.violation("input ", id, " is forgotten, and its caller has not read it");
      it = inputs_.erase(it);
      continue;
    }
    if (input->state == InputState::kDone) check_final(id, known, *input);
    if (known.final && input->state != InputState::kDone)
      w_.violation("finished input ", id, " runs again");
    ++it;
  }
  std::size_t bytes = 0;
  for (const auto& [id, input] : CoreCheck(w_.core).inputs()) {
    if (!inputs_.contains(id)) w_.violation("input ", id, " came from nowhere");
    bytes += input.payload.size() + input.result.generic_result.size();
  }
  for (const auto& [id, call] : CoreCheck(w_.core).calls())
    for (const core::DataChunk& chunk : call.data_out) bytes += chunk.serialized.size();
  if (bytes != w_.core.live_bytes())
    w_.violation("counts ", w_.core.live_bytes(), " bytes, there are ", bytes);
}

void Model::check_final(const InputId& id, Accepted& known, const core::Input& input) {
  if (known.final) {
    const bool dropped = known.read && input.result.generic_result.empty();
    if (!dropped && known.result != input.result.generic_result)
      w_.violation("the result of ", id, " changed");
    return;
  }
  known.final = true;
  known.result = input.result.generic_result;
  if (known.asynchronous && !known.keep_asked) w_.violation("the result of ", id, " is not kept");
  if (input.result.outcome == Outcome::kUnspecified) w_.violation(id, " ended without outcome");
  const core::App* app = w_.core.app(known.app);
  const bool gave_up =
      input.result.outcome == Outcome::kTimeout ||
      (input.result.outcome == Outcome::kFailure && known.result.starts_with("failed:"));
  if (!gave_up || app->stopping || input.cancelled) return;
  const std::uint32_t retries = w_.core.function(known.function)->config.retry.retries;
  if (known.starts < 1 + retries)
    w_.violation(id, " was given up after ", known.starts, " starts with ", retries, " retries");
}

// An input is in exactly one place: its function's queue, a container, the retries, or done.
void Model::check_pending() {
  const CoreCheck in(w_.core);
  std::unordered_map<InputId, int> places;
  for (const auto& [id, f] : in.functions())
    for (const InputId& input : f.pending) {
      ++places[input];
      const core::Input* found = w_.core.input(input);
      if (!found || found->state != InputState::kPending)
        w_.violation(input, " is queued but not pending");
    }
  for (const auto& [id, task] : in.tasks())
    for (const InputId& input : task.running) {
      ++places[input];
      const core::Input* found = w_.core.input(input);
      if (!found || found->state != InputState::kRunning || found->task != id)
        w_.violation(id, " runs ", input, ", which does not know it");
    }
  for (const auto& [when, input] : in.retries()) {
    ++places[input];
    const core::Input* found = w_.core.input(input);
    if (!found || found->state != InputState::kWaitingForRetry)
      w_.violation(input, " does not wait for a retry");
  }
  for (const auto& [id, input] : in.inputs()) {
    const auto it = places.find(id);
    const int count = it == places.end() ? 0 : it->second;
    if (count != (input.state == InputState::kDone ? 0 : 1))
      w_.violation(id, " is in ", count, " places");
  }
}

void Model::check_calls() {
  const CoreCheck in(w_.core);
  std::unordered_map<AppId, std::size_t> unfinished;
  std::unordered_map<FunctionId, std::size_t> awaited, spawned;
  for (const auto& [id, call] : in.calls()) {
    std::set<InputId> seen;
    for (const InputId& output : call.outputs)
      if (!seen.insert(output).second || w_.core.input(output)->state != InputState::kDone)
        w_.violation("call ", id, " has output ", output, " twice or too early");
    if (call.done != call.forgotten + call.outputs.size())
      w_.violation("call ", id, " counts its outputs wrong");
    std::size_t done = call.forgotten;
    for (const InputId& input : call.inputs)
      done += w_.core.input(input) && w_.core.input(input)->state == InputState::kDone;
    if (done != call.done)
      w_.violation("call ", id, " has ", done, " results and says ", call.done);
    unfinished[call.app] += call.arrived() - call.published;
    (call.asynchronous ? spawned : awaited)[call.function] += call.arrived() - done;
    std::size_t kept = call.forgotten;
    while (kept < call.done && w_.core.input(call.output(kept))->kept) ++kept;
    if (call.forgotten > call.read || call.read > call.published)
      w_.violation("call ", id, " has forgotten what nobody has read");
    if (call.read - call.forgotten > 2 * w_.limits.read_inputs_kept)
      w_.violation("call ", id, " holds ", call.read - call.forgotten, " inputs that were read");
    if (call.published != kept || (!call.asynchronous && kept != done))
      w_.violation("call ", id, " shows ", call.published, " outputs, ", kept, " are kept");
    const core::App* app = w_.core.app(call.app);
    if (!app || !app->calls.contains(id)) w_.violation("call ", id, " has no app");
  }
  for (const auto& [id, app] : in.apps())
    if (app.unfinished != unfinished[id])
      w_.violation("app ", id, " has ", unfinished[id], " inputs at work and says ",
                   app.unfinished);
  for (const auto& [id, f] : in.functions())
    if (f.awaited != awaited[id] || f.spawned != spawned[id])
      w_.violation("function ", id, " has ", awaited[id], " and ", spawned[id], " inputs and says ",
                   f.awaited, " and ", f.spawned);
}

void Model::check_tasks() {
  const CoreCheck in(w_.core);
  if (in.tasks().size() > w_.limits.tasks_max) w_.violation(in.tasks().size(), " containers");
  if (in.tasks().size() != containers_.size())
    w_.violation("the core knows ", in.tasks().size(), " containers, there are ",
                 containers_.size());
  std::unordered_map<AppId, std::size_t> of_app;
  for (const auto& [id, task] : in.tasks()) {
    ++of_app[task.app];
    if (!containers_.contains(id)) w_.violation("container ", id, " does not exist");
    const auto f = in.functions().find(task.function);
    if (f == in.functions().end() || !f->second.tasks.contains(id)) {
      w_.violation("container ", id, " has no owner");
      continue;
    }
    // Somebody will look at it again: at its deadline, or when it has died of the kill.
    if (!task.killed && !task.deadline) w_.violation("nobody looks after container ", id);
    const core::FunctionConfig& config = f->second.config;
    const std::size_t most = std::size_t{std::max(1u, config.max_concurrent_inputs)} *
                             std::max(1u, config.batch_max_size);
    if (task.running.size() > most)
      w_.violation(id, " runs ", task.running.size(), " inputs of ", most);
  }
  for (const auto& [id, app] : in.apps())
    if (app.tasks != of_app[id])
      w_.violation("app ", id, " has ", of_app[id], " containers, not ", app.tasks);
}

void Model::check_functions() {
  const CoreCheck in(w_.core);
  for (const auto& [id, f] : in.functions()) {
    std::uint32_t starting = 0, launching = 0, staying = 0;
    for (const TaskId& id_of : f.tasks) {
      const core::Task& task = in.tasks().at(id_of);
      starting += task.state == TaskState::kStarting;
      launching += task.state == TaskState::kStarting && !task.hello;
      // One that was stopped is on its way out, and the next one takes its place.
      staying += !task.retired;
    }
    if (starting != f.starting || launching != f.launching)
      w_.violation(id, " starts ", starting, " containers and says ", f.starting, "; of ",
                   launching, " it waits for a hello, and says ", f.launching);
    if (launching > w_.limits.launching_max)
      w_.violation(id, " launches ", launching, " containers at once");
    if (f.config.max_containers && staying > f.config.max_containers)
      w_.violation(id, " has ", staying, " containers of ", f.config.max_containers);
    const core::App* app = w_.core.app(f.config.app);
    if (!app || !app->functions.contains(id)) w_.violation("function ", id, " has no app");
  }
}

// What is to be done later is bounded by what there is.
void Model::check_queues() {
  const CoreCheck in(w_.core);
  if (in.restarts().size() > in.functions().size())
    w_.violation(in.restarts().size(), " restarts are planned");
  if (in.lingers().size() > in.functions().size())
    w_.violation(in.lingers().size(), " batches are planned");
  if (in.releases().size() > in.calls().size())
    w_.violation(in.releases().size(), " releases are planned");
  if (in.forgets().size() > in.apps().size())
    w_.violation(in.forgets().size(), " apps are to be forgotten");
  if (in.keep_again().size() > in.inputs().size())
    w_.violation(in.keep_again().size(), " results are to be kept again");
  if (in.task_deadlines().size() > in.tasks().size()) w_.violation("deadlines of dead containers");
}

void Model::check_end() {
  for (const AppId& app : apps_)
    if (!ended_.contains(app)) w_.violation("app ", app, " has not ended");
  const CoreCheck in(w_.core);
  const std::size_t left = in.apps().size() + in.functions().size() + in.calls().size() +
                           in.inputs().size() + in.tasks().size() + in.retries().size() +
                           in.releases().size() + in.forgets().size() + in.restarts().size() +
                           in.lingers().size() + in.task_deadlines().size() + in.drained().size() +
                           in.keep_again().size() + in.children().size() + containers_.size() +
                           inputs_.size();
  if (left > 0)
    w_.violation("left at the end: apps ", in.apps().size(), ", functions ", in.functions().size(),
                 ", calls ", in.calls().size(), ", inputs ", in.inputs().size(), ", tasks ",
                 in.tasks().size(), ", all ", left);
  if (w_.core.live_bytes() != 0)
    w_.violation(w_.core.live_bytes(), " bytes are counted at the end");
  if (w_.core.next_tick()) w_.violation("the core still wants to be called at the end");
}

}  // namespace ionian::sim
