// Programs in the containers of tasks, beside the tasks' own.
#include <csignal>

#include "worker/worker.h"

namespace ionian::worker {

void Worker::exec(const TaskId& task, container::ExecSpec spec, container::Stdio stdio,
                  ExecHooks hooks) {
  // Work may be copied, files may not.
  const auto files = std::make_shared<container::Stdio>(std::move(stdio));
  post([this, task, spec = std::move(spec), files, hooks = std::move(hooks)] {
    start_exec(task, spec, std::move(*files), hooks);
  });
}

void Worker::signal_exec(const std::string& id, int signo) {
  post([this, id, signo] {
    if (execs_.contains(id)) (void)spawner_.signal_exec(id, signo);
  });
}

void Worker::start_exec(const TaskId& task, container::ExecSpec spec, container::Stdio stdio,
                        ExecHooks hooks) {
  const auto container = container_of_.find(task.str());
  if (container == container_of_.end())
    return hooks.failed({Code::kNotFound, cat("container '", task, "' does not run any more")});
  const auto living = living_.find(container->second);
  if (living == living_.end() || living->second.standby || !living->second.started)
    return hooks.failed({Code::kUnavailable, cat("container ", task, " is still starting")});
  spec.set_container(container->second);
  if (Result<void> sent = spawner_.exec(spec, std::move(stdio)); !sent)
    return hooks.failed(sent.error());
  execs_[spec.id()] = {.hooks = std::move(hooks), .started = false, .task = task};
}

void Worker::handle_exec(container::ContainerEvent& event) {
  const auto found = execs_.find(event.id);
  RunningExec& exec = found->second;
  if (event.kind == container::ContainerEvent::kExecStarted) {
    exec.started = true;
    return exec.hooks.started(std::move(event.terminal));
  }
  const RunningExec ended = std::move(exec);
  execs_.erase(found);
  if (event.kind == container::ContainerEvent::kExecExited)
    return ended.hooks.ended(event.exit_code, event.signal);
  const Code code = event.not_runnable ? Code::kInvalidArgument : Code::kFailedPrecondition;
  ended.hooks.failed({code, cat(event.error, " (in container ", ended.task, ")")});
}

void Worker::lose_execs() {
  for (const auto& [id, exec] : std::exchange(execs_, {})) {
    if (exec.started)
      exec.hooks.ended(0, SIGKILL);
    else
      exec.hooks.failed({Code::kNotFound, cat("container '", exec.task, "' is lost")});
  }
}

}  // namespace ionian::worker
