// When containers start, and which inputs they get.
#include <algorithm>

#include "core/core.h"

namespace ionian::core {
namespace {

std::size_t slots_of(const FunctionConfig& config) {
  return std::max(1u, config.max_concurrent_inputs);
}
std::size_t batch_of(const FunctionConfig& config) { return std::max(1u, config.batch_max_size); }

// A container has so many slots, and each of them carries one batch, full or not.
std::size_t inputs_per_task(const FunctionConfig& config) {
  return slots_of(config) * batch_of(config);
}

// How many more inputs a container may run.
std::size_t room_in(const Task& task, const FunctionConfig& config) {
  const std::size_t batch = batch_of(config);
  const std::size_t busy = (task.running.size() + batch - 1) / batch;
  return (slots_of(config) - std::min(slots_of(config), busy)) * batch;
}

bool awaits_heartbeat(const App& app) {
  return (app.ephemeral || (app.detached && !app.draining)) && !app.stopping;
}

}  // namespace

std::size_t Core::free_slots(const Function& f) const {
  std::size_t slots = 0;
  for (const TaskId& id : f.tasks) {
    const Task& task = tasks_.at(id);
    if (task.state != TaskState::kStopping) slots += room_in(task, f.config);
  }
  return slots;
}

void Core::wake_idle_tasks(const Function& f, std::size_t inputs) {
  for (const TaskId& id : f.tasks) {
    if (inputs == 0) return;
    Task& task = tasks_.at(id);
    const std::size_t room = room_in(task, f.config);
    if (task.state != TaskState::kReady || !task.waiting || room == 0) continue;
    task.waiting = false;
    act(Notify{inputs_key(id)});
    inputs -= std::min(inputs, room);
  }
}

// Work is proportional to the function's containers, never to its waiting inputs.
void Core::schedule(Time now, Function& f) {
  if (apps_.at(f.config.app).stopping) return;
  wake_idle_tasks(f, f.pending.size());
  const std::size_t free = free_slots(f);
  const std::size_t per_task = inputs_per_task(f.config);
  std::size_t wanted =
      f.pending.size() > free ? (f.pending.size() - free + per_task - 1) / per_task : 0;
  if (f.tasks.size() < f.config.min_containers)
    wanted = std::max<std::size_t>(wanted, f.config.min_containers - f.tasks.size());
  const std::size_t most = f.config.max_containers ? f.config.max_containers : limits_.tasks_max;
  for (; wanted > 0 && f.tasks.size() < most && f.starting < limits_.starting_max; --wanted) {
    if (now < f.next_start) {
      if (!std::exchange(f.restart_planned, true)) restarts_.emplace(f.next_start, f.config.id);
      return;
    }
    if (tasks_.size() >= places_for(f)) {
      if (!f.pending.empty()) make_room(now, f);
      return;
    }
    start_task(now, f);
  }
}

// The last places are for functions that have no container yet: inputs that wait for another
// function's result could otherwise keep that function from ever starting.
std::size_t Core::places_for(const Function& f) const {
  return limits_.tasks_max - (f.tasks.empty() ? 0 : limits_.tasks_max / 8);
}

// The machine is full and this function has inputs: an idle container of another one goes. Warm
// ones that their function asks for go only for a function that has none.
void Core::make_room(Time now, const Function& f) {
  if (f.tasks.empty()) starving_.insert(f.config.id);
  if (place_is_coming()) return;
  for (auto& [id, task] : tasks_) {
    const Function& of = functions_.at(task.function);
    const bool idle = task.state == TaskState::kReady && task.running.empty() && task.waiting;
    const bool warm = of.tasks.size() <= of.config.min_containers;
    if (!idle || !of.pending.empty() || (warm && !f.tasks.empty())) continue;
    return stop_task(now, task, StopReason::kIdle);
  }
}

bool Core::place_is_coming() const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const auto& entry) { return entry.second.state == TaskState::kStopping; });
}

// Whether a function with inputs waits for its first container.
bool Core::somebody_starves(Time now) {
  std::erase_if(starving_, [&](const FunctionId& id) {
    const auto f = functions_.find(id);
    return f == functions_.end() || f->second.pending.empty() || !f->second.tasks.empty() ||
           now < f->second.next_start;
  });
  return !starving_.empty() && !place_is_coming();
}

// A place on the machine is free. Those without a container come first, warm containers last.
void Core::share_places(Time now) {
  for (const FunctionId& id : std::exchange(starving_, {}))
    if (const auto f = functions_.find(id); f != functions_.end()) schedule(now, f->second);
  for (auto& [id, f] : functions_)
    if (!f.pending.empty()) schedule(now, f);
  for (auto& [id, f] : functions_)
    if (f.tasks.size() < f.config.min_containers) schedule(now, f);
}

void Core::start_task(Time now, Function& f) {
  Task task;
  task.id = make_function_task_id(random_, now);
  task.function = f.config.id;
  task.app = f.config.app;
  task.created = task.idle_since = now;
  const TaskId id = task.id;
  Task& placed = tasks_.emplace(id, std::move(task)).first->second;
  f.tasks.insert(id);
  ++f.starting;
  ++apps_.at(f.config.app).tasks;
  set_deadline(placed, now + f.config.startup_timeout);
  act(NoteTaskState{id, f.config.app, f.config.id, 2});  // WORKER_ASSIGNED
  act(StartTask{id, f.config.id});
}

std::vector<const Input*> Core::take_inputs(Time now, const TaskId& id, std::size_t max) {
  std::vector<const Input*> taken;
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return taken;
  Task& task = it->second;
  Function& f = functions_.at(task.function);
  const bool starts = task.state == TaskState::kStarting;
  if (starts) {
    task.state = TaskState::kReady;
    task.ready = task.idle_since = now;
    --f.starting;
    f.failed_starts = 0;
    act(NoteTaskState{id, task.app, task.function, 4});  // ACTIVE
  }
  task.asked_for_inputs = true;
  // Where a function has none, one goes that has nothing to do, or whose function has others.
  const bool dispensable = task.running.empty() && (f.pending.empty() || f.tasks.size() > 1);
  if (task.state == TaskState::kReady && dispensable && somebody_starves(now))
    stop_task(now, task, StopReason::kIdle);
  if (task.state == TaskState::kReady) {
    max = std::min({max, batch_of(f.config), room_in(task, f.config)});
    for (auto next = f.pending.begin(); taken.size() < max && next != f.pending.end();) {
      Input& input = inputs_.at(*next);
      // All inputs of a batch are for the same method.
      if (!taken.empty() && taken.front()->method != input.method) break;
      next = f.pending.erase(next);
      input.state = InputState::kRunning;
      input.task = id;
      input.started = now;
      task.running.insert(input.id);
      taken.push_back(&input);
    }
  }
  if (!taken.empty()) note_running(task);
  task.waiting |= taken.empty();
  // A question in vain does not make an idle container younger.
  if (starts || !taken.empty()) refresh_deadline(now, task);
  // One that has started lets the next one start.
  if (starts || !f.pending.empty()) schedule(now, f);
  return taken;
}

bool Core::should_stop(const TaskId& id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() || it->second.state == TaskState::kStopping;
}

void Core::tick(Time now) {
  while (!retries_.empty() && retries_.begin()->first <= now) {
    const InputId id = retries_.begin()->second;
    retries_.erase(retries_.begin());
    requeue(now, inputs_.at(id));
  }
  while (!task_deadlines_.empty() && task_deadlines_.begin()->first <= now) {
    Task& task = tasks_.at(task_deadlines_.begin()->second);
    set_deadline(task, std::nullopt);
    look_at_task(now, task);
  }
  while (!releases_.empty() && releases_.begin()->first <= now) {
    const CallId id = releases_.begin()->second;
    drop_call(id);
  }
  while (!forgets_.empty() && forgets_.begin()->first <= now) {
    const AppId id = forgets_.begin()->second;
    forgets_.erase(forgets_.begin());
    forget_app(id);
  }
  while (!restarts_.empty() && restarts_.begin()->first <= now) {
    const auto f = functions_.find(restarts_.begin()->second);
    restarts_.erase(restarts_.begin());
    if (f == functions_.end()) continue;
    f->second.restart_planned = false;
    schedule(now, f->second);
  }
  for (const AppId& id : std::exchange(drained_, {}))
    if (const App* drained = app(id); drained && drained->unfinished == 0) stop_app(now, id);
  std::vector<AppId> abandoned;
  for (const auto& [id, app] : apps_)
    if (awaits_heartbeat(app) && now - app.last_heartbeat > limits_.app_heartbeat_timeout)
      abandoned.push_back(id);
  for (const AppId& id : abandoned) disconnect_app(now, id);
}

std::optional<Time> Core::next_tick() const {
  if (!drained_.empty()) return Time{};
  std::optional<Time> next;
  const auto consider = [&](Time t) {
    if (!next || t < *next) next = t;
  };
  if (!retries_.empty()) consider(retries_.begin()->first);
  if (!task_deadlines_.empty()) consider(task_deadlines_.begin()->first);
  if (!releases_.empty()) consider(releases_.begin()->first);
  if (!forgets_.empty()) consider(forgets_.begin()->first);
  if (!restarts_.empty()) consider(restarts_.begin()->first);
  for (const auto& [id, app] : apps_)
    if (awaits_heartbeat(app)) consider(app.last_heartbeat + limits_.app_heartbeat_timeout + 1ms);
  return next;
}

}  // namespace ionian::core
