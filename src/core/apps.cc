// Apps and functions: what lives, and for how long.
#include "core/core.h"

namespace ionian::core {

void Core::add_app(Time now, App app) {
  app.last_heartbeat = now;
  apps_.insert_or_assign(app.id, std::move(app));
}

void Core::add_stopped_app(Time now, App app) {
  app.stopping = app.done = true;
  forgets_.emplace(now + limits_.keep_stopped_app, app.id);
  apps_.insert_or_assign(app.id, std::move(app));
}

const App* Core::app(const AppId& id) const {
  const auto it = apps_.find(id);
  return it == apps_.end() ? nullptr : &it->second;
}

const Function* Core::function(const FunctionId& id) const {
  const auto it = functions_.find(id);
  return it == functions_.end() ? nullptr : &it->second;
}

ionian::Result<void> Core::heartbeat_app(Time now, const AppId& id) {
  const auto it = apps_.find(id);
  if (it == apps_.end() || it->second.stopping)
    return fail(Code::kFailedPrecondition, "app ", id, " is stopped");
  it->second.last_heartbeat = now;
  return {};
}

void Core::complete_app(Time now, const AppId& id) {
  const auto it = apps_.find(id);
  if (it == apps_.end() || std::exchange(it->second.complete, true)) return;
  for (const FunctionId& f : it->second.functions) schedule(now, functions_.at(f));
}

void Core::keep_app(const AppId& id) {
  if (const auto it = apps_.find(id); it != apps_.end())
    it->second.ephemeral = it->second.detached = false;
}

void Core::disconnect_app(Time now, const AppId& id) {
  const auto it = apps_.find(id);
  if (it == apps_.end()) return;
  App& app = it->second;
  app.draining = app.detached;
  if (app.ephemeral || (app.draining && app.unfinished == 0)) stop_app(now, id);
}

void Core::define_function(Time now, FunctionConfig config) {
  const auto app = apps_.find(config.app);
  if (app == apps_.end() || app->second.stopping) return;
  const bool is_new = app->second.functions.insert(config.id).second;
  if (is_new && config.variant) variant_looks_.emplace(now + limits_.look_at_variant, config.id);
  Function& f = functions_[config.id];
  const bool window_changes = f.config.scaledown_window != config.scaledown_window;
  f.config = std::move(config);
  // Those that are idle by now stay for as long as it says from now on.
  if (window_changes)
    for (const TaskId& task : f.tasks)
      if (tasks_.at(task).running.empty()) refresh_deadline(now, tasks_.at(task));
  retire_surplus(now, f);
  schedule(now, f);
}

void Core::redefine_function(Time now, FunctionConfig config) {
  if (config.variant && config.min_containers == 0 && !functions_.contains(config.id)) return;
  define_function(now, std::move(config));
}

void Core::let_go_of(Time now, const FunctionId& id) {
  const auto it = functions_.find(id);
  if (it == functions_.end()) return;
  it->second.config.min_containers = it->second.config.buffer_containers = 0;
  it->second.config.scaledown_window = 0s;
  for (const TaskId& task : it->second.tasks) refresh_deadline(now, tasks_.at(task));
}

void Core::stop_app(Time now, const AppId& id) {
  const auto it = apps_.find(id);
  if (it == apps_.end() || it->second.stopping) return;
  App& app = it->second;
  app.stopping = true;
  const Result terminated = server_result(Outcome::kTerminated, "the app was stopped");
  for (const FunctionId& function : app.functions) {
    Function& f = functions_.at(function);
    fail_pending(now, f, terminated);
    const std::set<TaskId> tasks = f.tasks;
    for (const TaskId& task : tasks) stop_task(now, tasks_.at(task), StopReason::kAppStopped);
  }
  finish_app_if_quiet(now, app);
}

void Core::finish_app_if_quiet(Time now, App& app) {
  if (!app.stopping || app.done || app.tasks > 0) return;
  app.done = true;
  forgets_.emplace(now + limits_.keep_stopped_app, app.id);
  act(AppEnded{app.id});
}

void Core::forget_app(const AppId& id) {
  App& app = apps_.at(id);
  for (const CallId& call : app.calls) forget_call(call);
  for (const FunctionId& function : app.functions) forget_function(function);
  apps_.erase(id);
}

void Core::forget_function(const FunctionId& id) {
  if (const auto& until = functions_.at(id).linger_until) lingers_.erase({*until, id});
  functions_.erase(id);
  starving_.erase(id);
  wanting_.erase(id);
}

void Core::look_at_variant(Time now, const FunctionId& id) {
  const auto it = functions_.find(id);
  if (it == functions_.end()) return;
  const Function& f = it->second;
  if (f.calls > 0 || !f.tasks.empty() || f.config.min_containers > 0) {
    variant_looks_.emplace(now + limits_.look_at_variant, id);
    return;
  }
  apps_.at(f.config.app).functions.erase(id);
  forget_function(id);
}

}  // namespace ionian::core
