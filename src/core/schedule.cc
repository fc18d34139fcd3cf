// When containers start, and which inputs they get.
#include <algorithm>

#include "core/core.h"

namespace ionian::core {
namespace {

// A question for inputs is answered within 50 s, and asked again.
constexpr Duration kQuestionMax = 60s;

std::size_t slots_of(const FunctionConfig& config) {
  return std::max(1u, config.max_concurrent_inputs);
}
// What a container shall take before another one starts.
std::size_t target_slots_of(const FunctionConfig& config) {
  const std::size_t target = config.target_concurrent_inputs;
  return target ? std::min(target, slots_of(config)) : slots_of(config);
}
std::size_t batch_of(const FunctionConfig& config) { return std::max(1u, config.batch_max_size); }

// A container has so many slots, and each of them carries one batch, full or not.
std::size_t inputs_per_task(const FunctionConfig& config) {
  return target_slots_of(config) * batch_of(config);
}

std::size_t room_in(const Task& task, const FunctionConfig& config, std::size_t slots) {
  const std::size_t batch = batch_of(config);
  const std::size_t busy = (task.running.size() + batch - 1) / batch;
  return (slots - std::min(slots, busy)) * batch;
}

// How many more inputs a container may run.
std::size_t room_in(const Task& task, const FunctionConfig& config) {
  return room_in(task, config, slots_of(config));
}

}  // namespace

std::size_t Core::free_slots(const Function& f) const {
  std::size_t slots = 0;
  for (const TaskId& id : f.tasks) {
    const Task& task = tasks_.at(id);
    if (task.state != TaskState::kStopping && task.takes_more())
      slots += room_in(task, f.config, target_slots_of(f.config));
  }
  return slots;
}

std::size_t Core::headroom(const FunctionId& id) const {
  const Function* f = function(id);
  return f ? free_slots(*f) : 0;
}

std::size_t Core::most_tasks_of(const Function& f) const {
  return f.config.max_containers ? f.config.max_containers : limits_.tasks_max;
}

std::size_t Core::concurrency_now(const FunctionId& id) const {
  const Function* f = function(id);
  if (!f) return 1;
  const bool alone = f->tasks.size() >= most_tasks_of(*f) || tasks_.size() >= places_for(*f);
  return alone || !f->pending.empty() ? slots_of(f->config) : target_slots_of(f->config);
}

// A batch goes when it is full, when it cannot grow any more because the next input is for another
// method, or when its first input has waited for as long as the function lets it.
bool Core::first_batch_may_go(Time now, const Function& f) const {
  const std::size_t full = batch_of(f.config);
  if (full == 1 || f.config.batch_linger <= 0s || f.pending.empty()) return true;
  const Input& first = inputs_.at(f.pending.front());
  if (now >= first.created + f.config.batch_linger) return true;
  if (f.pending.size() >= full) return true;
  return std::ranges::any_of(
      f.pending, [&](const InputId& id) { return inputs_.at(id).method != first.method; });
}

void Core::plan_first_batch(Function& f) {
  const Time until = inputs_.at(f.pending.front()).created + f.config.batch_linger;
  // An input that comes back for another attempt is older than those that wait.
  if (f.linger_until && *f.linger_until <= until) return;
  if (f.linger_until) lingers_.erase({*f.linger_until, f.config.id});
  f.linger_until = until;
  lingers_.emplace(until, f.config.id);
}

// Those of former versions do not count: they are on their way out.
std::size_t Core::current_tasks(const Function& f) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(f.tasks, [this](const TaskId& id) { return !tasks_.at(id).retired; }));
}

// That stand ready whether there is work or not.
std::size_t Core::warm_tasks(const Function& f) const {
  return apps_.at(f.config.app).complete ? f.config.min_containers : 0;
}

void Core::wake_idle_tasks(Time now, const Function& f, std::size_t inputs) {
  for (const TaskId& id : f.tasks) {
    if (inputs == 0) return;
    Task& task = tasks_.at(id);
    const std::size_t room = room_in(task, f.config);
    if (task.state != TaskState::kReady || !task.waiting || !task.takes_more() || room == 0)
      continue;
    task.waiting = false;
    act(Notify{inputs_key(id)});
    // One whose question has long run out may have stopped asking: its share is offered to others.
    if (now < task.asked + kQuestionMax) inputs -= std::min(inputs, room);
  }
}

// Work is proportional to the function's containers, never to its waiting inputs.
void Core::schedule(Time now, Function& f) {
  if (apps_.at(f.config.app).stopping) return;
  note_wish(f);
  if (first_batch_may_go(now, f))
    wake_idle_tasks(now, f, f.pending.size());
  else
    plan_first_batch(f);
  const std::size_t free = free_slots(f);
  const std::size_t per_task = inputs_per_task(f.config);
  // At the server's end no container starts for what may come.
  const bool active =
      !draining_ && (!f.pending.empty() || std::ranges::any_of(f.tasks, [&](const TaskId& id) {
        return !tasks_.at(id).running.empty();
      }));
  // While there is work, some more containers stand ready for what comes next.
  const std::size_t need = f.pending.size() + (active ? f.config.buffer_containers * per_task : 0);
  std::size_t wanted = need > free ? (need - free + per_task - 1) / per_task : 0;
  std::size_t current = current_tasks(f);
  if (const std::size_t warm = warm_tasks(f); current < warm && !draining_)
    wanted = std::max(wanted, warm - current);
  for (; wanted > 0 && current < most_tasks_of(f) && may_start_now(now, f); --wanted, ++current) {
    if (tasks_.size() >= places_for(f)) {
      if (f.pending.size() > free) make_room(now, f);
      return;
    }
    if (!devices_.free_for(f.config.gpus)) {
      if (f.pending.size() > free) make_device_room(now, f);
      return;
    }
    start_task(now, f);
  }
}

// After a start that failed the next one waits, and goes alone: where it fails too, no more have
// been started in vain.
bool Core::may_start_now(Time now, Function& f) {
  if (f.launching >= limits_.launching_max || (f.failed_starts > 0 && f.starting > 0)) return false;
  if (now >= f.next_start) return true;
  if (!std::exchange(f.restart_planned, true)) restarts_.emplace(f.next_start, f.config.id);
  return false;
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

// The GPUs that would do are in use: an idle container of another function that has one goes. Those
// that work keep theirs, and the inputs wait.
void Core::make_device_room(Time now, const Function& f) {
  const auto helps = [&](const Task& t) { return devices_.would_help(t.devices, f.config.gpus); };
  const bool coming = std::ranges::any_of(tasks_, [&](const auto& entry) {
    return entry.second.state == TaskState::kStopping && helps(entry.second);
  });
  if (coming) return;
  for (auto& [id, task] : tasks_) {
    const Function& of = functions_.at(task.function);
    const bool idle = task.state == TaskState::kReady && task.running.empty() && task.waiting;
    const bool warm = of.tasks.size() <= of.config.min_containers;
    if (idle && of.pending.empty() && !warm && helps(task))
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

bool Core::wants_place(const Function& f) const { return !f.pending.empty() || warm_tasks(f) > 0; }

void Core::note_wish(Function& f) {
  if (wants_place(f) && !std::exchange(f.wants, true)) wanting_.insert(f.config.id);
}

// A place on the machine is free. Those without a container come first, warm containers last.
void Core::share_places(Time now) {
  for (const FunctionId& id : std::exchange(starving_, {}))
    if (const auto f = functions_.find(id); f != functions_.end()) schedule(now, f->second);
  std::erase_if(wanting_, [this](const FunctionId& id) {
    Function& f = functions_.at(id);
    f.wants = wants_place(f);
    return !f.wants;
  });
  for (const FunctionId& id : wanting_)
    if (Function& f = functions_.at(id); !f.pending.empty()) schedule(now, f);
  for (const FunctionId& id : wanting_)
    if (Function& f = functions_.at(id); current_tasks(f) < warm_tasks(f)) schedule(now, f);
}

void Core::start_task(Time now, Function& f) {
  Task task;
  task.id = make_function_task_id(random_, now);
  task.function = f.config.id;
  task.app = f.config.app;
  task.created = task.idle_since = now;
  task.timeout = f.config.timeout;
  task.devices = *devices_.take(f.config.gpus);
  const TaskId id = task.id;
  Task& placed = tasks_.emplace(id, std::move(task)).first->second;
  f.tasks.insert(id);
  ++f.starting;
  ++f.launching;
  ++apps_.at(f.config.app).tasks;
  set_deadline(placed, now + f.config.startup_timeout);
  act(NoteTaskState{id, f.config.app, f.config.id, 2});  // WORKER_ASSIGNED
  act(StartTask{id, f.config.id, placed.devices});
}

std::vector<const Input*> Core::given_before(const Task& task, const std::string& question) const {
  std::vector<const Input*> given;
  if (question.empty() || task.question != question) return given;
  for (const InputId& id : task.given)
    if (task.running.contains(id)) given.push_back(&inputs_.at(id));
  return given;
}

std::vector<const Input*> Core::take_inputs(Time now, const TaskId& id, std::size_t max,
                                            const std::string& question) {
  std::vector<const Input*> taken;
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return taken;
  Task& task = it->second;
  if (taken = given_before(task, question); !taken.empty()) return taken;
  Function& f = functions_.at(task.function);
  const bool starts = task.state == TaskState::kStarting;
  if (starts) {
    leave_starting(task, TaskState::kReady);
    if (!task.hello) task.hello = now;
    task.ready = task.idle_since = now;
    f.failed_starts = f.guiltless_starts = 0;
    act(NoteTaskState{id, task.app, task.function, 4});  // ACTIVE
  }
  task.asked_for_inputs = true;
  task.asked = now;
  if (!task.takes_more()) return taken;
  // Where a function has none, one goes that has nothing to do, or whose function has others.
  const bool dispensable = task.running.empty() && (f.pending.empty() || f.tasks.size() > 1);
  if (task.state == TaskState::kReady && dispensable && somebody_starves(now))
    stop_task(now, task, StopReason::kIdle);
  if (task.state == TaskState::kReady && first_batch_may_go(now, f)) {
    max = std::min({max, batch_of(f.config), room_in(task, f.config)});
    for (auto next = f.pending.begin(); taken.size() < max && next != f.pending.end();) {
      Input& input = inputs_.at(*next);
      // All inputs of a batch are for the same method.
      if (!taken.empty() && taken.front()->method != input.method) break;
      next = f.pending.erase(next);
      input.state = InputState::kRunning;
      input.task = id;
      input.started = now;
      input.container_asked = task.created;
      input.container_hello = *task.hello;
      input.container_ready = task.ready;
      task.running.insert(input.id);
      taken.push_back(&input);
    }
  }
  if (!taken.empty()) {
    note_running(task);
    task.spent = f.config.single_use;
    task.question = question;
    task.given.clear();
    for (const Input* input : taken) task.given.push_back(input->id);
  }
  task.waiting |= taken.empty();
  // It has nothing to do, and a GPU that others may wait for. Such containers are as few as GPUs,
  // and ask once in many seconds, so a look at all that wait is cheap.
  if (task.waiting && !task.devices.empty())
    for (const FunctionId& other : wanting_)
      if (const Function& waits = functions_.at(other);
          !waits.pending.empty() && !devices_.free_for(waits.config.gpus))
        make_device_room(now, waits);
  // A question in vain does not make an idle container younger.
  if (starts || !taken.empty()) refresh_deadline(now, task);
  // One that has started lets the next one start.
  if (starts || !f.pending.empty()) schedule(now, f);
  return taken;
}

bool Core::should_stop(const TaskId& id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() || it->second.state == TaskState::kStopping || it->second.retired;
}

}  // namespace ionian::core
