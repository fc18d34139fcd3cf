// What time brings: deadlines, retries, back-offs; and what the core has decided, for who acts.
#include <algorithm>

#include "core/core.h"

namespace ionian::core {
namespace {

bool awaits_heartbeat(const App& app) {
  return (app.ephemeral || (app.detached && !app.draining)) && !app.stopping;
}

bool rests(const std::pair<const TaskId, Task>& task) { return task.second.running.empty(); }

}  // namespace

std::vector<Action> Core::take_actions(Time now) {
  if (draining_ && !drained_was_said_ && std::ranges::all_of(tasks_, rests) &&
      now >= farewell_over().value_or(now)) {
    drained_was_said_ = true;
    act(Drained{});
  }
  return std::exchange(actions_, {});
}

// A client that was just sent a result prints it and takes leave of its app; one that finds no
// server while it does so fails. nullopt: nobody is there to do it.
std::optional<Time> Core::farewell_over() const {
  const auto has_client = [](const auto& each) { return awaits_heartbeat(each.second); };
  if (!last_result_ || std::ranges::none_of(apps_, has_client)) return std::nullopt;
  return *last_result_ + limits_.farewell;
}

void Core::tick(Time now) {
  while (!retries_.empty() && retries_.begin()->first <= now) {
    const InputId id = retries_.begin()->second;
    retries_.erase(retries_.begin());
    requeue(now, inputs_.at(id));
  }
  while (!keep_again_.empty() && keep_again_.begin()->first <= now) {
    const InputId id = keep_again_.begin()->second;
    keep_again_.erase(keep_again_.begin());
    if (inputs_.contains(id)) act(KeepOutput{id});
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
  while (!variant_looks_.empty() && variant_looks_.begin()->first <= now) {
    const FunctionId id = variant_looks_.begin()->second;
    variant_looks_.erase(variant_looks_.begin());
    look_at_variant(now, id);
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
  while (!lingers_.empty() && lingers_.begin()->first <= now) {
    Function& f = functions_.at(lingers_.begin()->second);
    lingers_.erase(lingers_.begin());
    f.linger_until.reset();
    schedule(now, f);
  }
  cancel_unattended(now);
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
  if (!keep_again_.empty()) consider(keep_again_.begin()->first);
  if (!task_deadlines_.empty()) consider(task_deadlines_.begin()->first);
  if (!releases_.empty()) consider(releases_.begin()->first);
  if (!forgets_.empty()) consider(forgets_.begin()->first);
  if (!variant_looks_.empty()) consider(variant_looks_.begin()->first);
  if (!restarts_.empty()) consider(restarts_.begin()->first);
  if (!lingers_.empty()) consider(lingers_.begin()->first);
  if (!calls_.empty()) consider(unattended_looked_for_ + limits_.look_for_unattended);
  for (const auto& [id, app] : apps_)
    if (awaits_heartbeat(app)) consider(app.last_heartbeat + limits_.app_heartbeat_timeout + 1ms);
  if (draining_ && !drained_was_said_ && std::ranges::all_of(tasks_, rests))
    if (const auto over = farewell_over()) consider(*over);
  return next;
}

}  // namespace ionian::core
