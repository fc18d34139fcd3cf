// Containers: their start, their deadlines, their end, and what becomes of the inputs they ran.
#include <algorithm>
#include <csignal>

#include "core/core.h"
#include "modal_proto/common.pb.h"

namespace ionian::core {
namespace {

// An idle container is kept that long in any case: it is about to ask for its next input, and one
// that stays because of min_containers is looked at no oftener than this.
constexpr Duration kShortestIdle = 1s;
constexpr unsigned kGuiltlessStartsMax = 4;

std::string ending(const TaskExit& exit) {
  return exit.signal ? cat("signal ", exit.signal) : cat("exit code ", exit.exit_code);
}

// The kernel may have ended a child of the program for its memory long ago, and the program gone
// on.
std::string how_it_ended(const FunctionConfig& config, const TaskExit& exit) {
  if (exit.out_of_memory && exit.signal == SIGKILL)
    return cat("the container ran out of memory: it reached its limit of ", config.memory_limit_mib,
               " MiB. Ask for more with memory=… on the function");
  return cat("the container ended while this input ran, with ", ending(exit),
             exit.out_of_memory ? cat("; one of its processes had been ended at the limit of ",
                                      config.memory_limit_mib, " MiB of memory")
                                : "");
}

}  // namespace

Result server_result(Outcome outcome, std::string exception) {
  modal::client::GenericResult generic;
  generic.set_status(static_cast<modal::client::GenericResult::GenericStatus>(outcome));
  generic.set_exception(std::move(exception));
  return {.outcome = outcome, .generic_result = generic.SerializeAsString(), .data_format = 0};
}

const Task* Core::task(const TaskId& id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : &it->second;
}

const EndedTask* Core::ended_task(const TaskId& id) const {
  const auto it = ended_.find(id);
  return it == ended_.end() ? nullptr : &it->second;
}

std::vector<TaskId> Core::tasks() const {
  std::vector<TaskId> ids;
  ids.reserve(tasks_.size());
  for (const auto& [id, task] : tasks_) ids.push_back(id);
  return ids;
}

void Core::task_hello(Time now, const TaskId& id) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end() || it->second.hello) return;
  Task& task = it->second;
  task.hello = now;
  if (task.state != TaskState::kStarting) return;
  Function& f = functions_.at(task.function);
  --f.launching;
  schedule(now, f);
}

void Core::leave_starting(Task& task, TaskState next) {
  if (task.state == TaskState::kStarting) {
    Function& f = functions_.at(task.function);
    --f.starting;
    if (!task.hello) --f.launching;
  }
  task.state = next;
}

void Core::note_running(const Task& task) {
  // What an input has written may be read after its result: in an idle task it stays the last one.
  if (task.running.empty()) return;
  if (task.running.size() == 1)
    act(NoteRunningInput{task.id, *task.running.begin(), inputs_.at(*task.running.begin()).call});
  else
    act(NoteRunningInput{task.id, {}, {}});
}

void Core::set_deadline(Task& task, std::optional<Time> deadline) {
  if (task.deadline == deadline) return;
  if (task.deadline) task_deadlines_.erase({*task.deadline, task.id});
  task.deadline = deadline;
  if (deadline) task_deadlines_.emplace(*deadline, task.id);
}

void Core::refresh_deadline(Time now, Task& task) {
  if (task.state != TaskState::kReady) return;
  const FunctionConfig& config = functions_.at(task.function).config;
  if (task.running.empty())
    return set_deadline(task, now + std::max(config.scaledown_window, kShortestIdle));
  Time first = Time::max();
  for (const InputId& id : task.running)
    first = std::min(first, inputs_.at(id).started + task.timeout);
  set_deadline(task, first);
}

void Core::look_at_task(Time now, Task& task) {
  if (task.state == TaskState::kStopping) return kill_task(task);
  Function& f = functions_.at(task.function);
  if (task.state == TaskState::kStarting) {
    task.reason = StopReason::kStartupTimeout;
    return kill_task(task);
  }
  if (!task.running.empty()) return time_out(now, task);
  // One that does not ask for inputs is of no use, warm or not.
  const bool mute = !task.waiting;
  // Inputs are there and wait for their batch: this container will get them.
  if (!mute && !f.pending.empty()) return refresh_deadline(now, task);
  // Beside those that work, so many stand ready.
  const auto works = [&](const TaskId& id) { return !tasks_.at(id).running.empty(); };
  const auto idle = [&](const TaskId& id) {
    const Task& other = tasks_.at(id);
    return other.state == TaskState::kReady && other.running.empty();
  };
  const bool spare = std::ranges::any_of(f.tasks, works) &&
                     std::ranges::count_if(f.tasks, idle) <= f.config.buffer_containers;
  if (!mute && spare) return refresh_deadline(now, task);
  if (mute || current_tasks(f) > f.config.min_containers)
    return stop_task(now, task, StopReason::kIdle);
  refresh_deadline(now, task);
}

// An input has used up its time. The code that runs it cannot be trusted to stop, so its container
// is killed; inputs beside it in the same container run again elsewhere.
void Core::time_out(Time now, Task& task) {
  const std::set<InputId> running = task.running;
  bool any = false;
  for (const InputId& id : running) {
    Input& input = inputs_.at(id);
    if (input.started + task.timeout > now) continue;
    any = true;
    task.running.erase(id);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(task.timeout).count();
    settle_attempt(
        now, input,
        server_result(Outcome::kTimeout,
                      cat("the input ran longer than the function's timeout of ", seconds, " s")));
  }
  if (!any) return refresh_deadline(now, task);
  task.reason = StopReason::kTimeout;
  kill_task(task);
}

void Core::replace_tasks(Time now, const FunctionId& id) {
  const auto it = functions_.find(id);
  if (it == functions_.end()) return;
  const std::set<TaskId> all = it->second.tasks;
  for (const TaskId& task : all) retire(now, tasks_.at(task));
  schedule(now, it->second);
}

// Of a function that may have fewer containers from now on, first those that run nothing.
void Core::retire_surplus(Time now, Function& f) {
  std::size_t current = current_tasks(f);
  const std::size_t most = f.config.max_containers;
  if (most == 0 || current <= most) return;
  std::vector<TaskId> all(f.tasks.begin(), f.tasks.end());
  std::ranges::stable_sort(all, {}, [&](const TaskId& id) { return tasks_.at(id).running.size(); });
  for (const TaskId& id : all) {
    Task& task = tasks_.at(id);
    if (current <= most) return;
    if (task.retired) continue;
    --current;
    retire(now, task);
  }
}

void Core::end_task(Time now, const TaskId& id, bool graceful) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  Task& task = it->second;
  if (task.state == TaskState::kStopping) return;
  task.retired = true;
  // One that starts has nothing to say at its end.
  if (!graceful && task.state == TaskState::kStarting) return kill_task(task);
  if (graceful || task.running.empty()) return retire(now, task);
  stop_task(now, task, StopReason::kStopped);
}

// Its runtime lets go of what it runs, and runs its exit hooks. Meanwhile the inputs begin again
// elsewhere: that is neither their doing nor a fault, so it is not counted. Those of a stopped app
// end with it.
void Core::interrupt(Time now, Task& task) {
  act(InterruptTask{task.id});
  if (apps_.at(task.app).stopping) return;
  for (const InputId& id : std::exchange(task.running, {})) {
    Input& input = inputs_.at(id);
    if (input.cancelled)
      finish_input(now, input, server_result(Outcome::kTerminated, std::string(kCancelledText)));
    else
      requeue(now, input);
  }
}

// It takes nothing new, and ends when it runs nothing.
void Core::retire(Time now, Task& task) {
  task.retired = true;
  if (task.running.empty()) return stop_task(now, task, StopReason::kStopped);
  act(Notify{inputs_key(task.id)});
}

void Core::stop_task(Time now, Task& task, StopReason reason) {
  if (task.state == TaskState::kStopping) return;
  // A container that waits for inputs is told in its next answer; any other by a signal as well.
  const bool can_listen = task.asked_for_inputs && task.running.empty();
  leave_starting(task, TaskState::kStopping);
  task.reason = reason;
  const bool app_stopped = reason == StopReason::kAppStopped;
  set_deadline(task,
               now + (app_stopped && !can_listen ? limits_.busy_stop_grace : limits_.stop_grace));
  act(Notify{inputs_key(task.id)});
  if (task.asked_for_inputs && !task.running.empty() && !task.reported_failure)
    return interrupt(now, task);
  if (!can_listen) act(StopTask{task.id});
}

void Core::kill_task(Task& task) {
  leave_starting(task, TaskState::kStopping);
  task.killed = true;
  set_deadline(task, std::nullopt);
  act(KillTask{task.id});
}

void Core::task_failed(Time now, const TaskId& id, Result result) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  Task& task = it->second;
  task.reported_failure = true;
  Function& f = functions_.at(task.function);
  // Other containers of the function may be fine; then this one alone was unlucky.
  const bool others_work = std::any_of(f.tasks.begin(), f.tasks.end(), [&](const TaskId& t) {
    return tasks_.at(t).state == TaskState::kReady;
  });
  // One that has asked for inputs was able to run them: it is its exit that fails, which is no
  // answer to those that wait.
  if (result.outcome != Outcome::kSuccess && !others_work && !task.asked_for_inputs) {
    result.data_format = 0;
    fail_pending(now, f, result);
  }
  stop_task(now, task, StopReason::kStopped);
}

void Core::failed_start(Time now, Task& task, const TaskExit& exit) {
  Function& f = functions_.at(task.function);
  ++f.failed_starts;
  f.next_start = now + std::min<Duration>(30s, 100ms * (1 << std::min(8u, f.failed_starts)));
  if (task.reported_failure || exit.lost) return;
  // What kills it from outside, and what the machine lacks, says nothing about the function. If it
  // happens again and again it ends a run whose client waits; a deployed app serves on, with ever
  // longer pauses between starts.
  const bool killed = exit.signal == SIGKILL && !exit.out_of_memory && !task.killed;
  const App& app = apps_.at(task.app);
  const bool deployed = !app.ephemeral && !app.detached;
  if ((killed || exit.of_machine) && (deployed || ++f.guiltless_starts < kGuiltlessStartsMax))
    return;
  const bool others_work = std::any_of(f.tasks.begin(), f.tasks.end(), [&](const TaskId& t) {
    return tasks_.at(t).state == TaskState::kReady;
  });
  if (others_work) return;
  std::string why;
  if (!exit.failed_start.empty())
    why = cat("the container could not be started: ", exit.failed_start);
  else if (task.reason == StopReason::kStartupTimeout)
    why = "the container was not ready within the function's startup_timeout";
  else if (exit.out_of_memory)
    why = cat("the container ran out of memory while it started (limit ", f.config.memory_limit_mib,
              " MiB)");
  else
    why = cat("the container ended while it started, with ", ending(exit));
  fail_pending(now, f, server_result(Outcome::kInitFailure, why));
}

void Core::task_exited(Time now, const TaskId& id, const TaskExit& exit) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  Task& task = it->second;
  Function& f = functions_.at(task.function);
  leave_starting(task, TaskState::kStopping);
  f.tasks.erase(id);
  if (!task.asked_for_inputs && !task.retired && task.reason != StopReason::kAppStopped)
    failed_start(now, task, exit);

  const std::set<InputId> running = std::exchange(task.running, {});
  // The runtime ends a whole container where it can't cancel one input alone, which is nothing that
  // the others have done.
  const bool cancels = std::ranges::any_of(
      running, [this](const InputId& input_id) { return inputs_.at(input_id).cancelled; });
  const bool not_its_own =
      exit.lost || exit.cut_off || cancels || task.killed || task.reason != StopReason::kNone;
  for (const InputId& input_id : running) {
    Input& input = inputs_.at(input_id);
    if (not_its_own)
      lose_container(now, input, task, exit.cut_off);
    else
      settle_attempt(now, input, server_result(Outcome::kFailure, how_it_ended(f.config, exit)));
  }
  act(NoteTaskState{id, task.app, task.function, 5});  // COMPLETED
  remove_task(now, id);
}

void Core::remove_task(Time now, const TaskId& id) {
  const auto it = tasks_.find(id);
  Task& task = it->second;
  set_deadline(task, std::nullopt);
  act(Notify{inputs_key(id)});
  act(Notify{task_key(id)});
  ended_.emplace(id, EndedTask{task.app, task.created, task.ready, now});
  ended_order_.push_back(id);
  if (ended_order_.size() > limits_.ended_tasks_max) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
  App& app = apps_.at(task.app);
  --app.tasks;
  devices_.give_back(task.devices);
  tasks_.erase(it);
  if (app.stopping) finish_app_if_quiet(now, app);
  share_places(now);
}

}  // namespace ionian::core
