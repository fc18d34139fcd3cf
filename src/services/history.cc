#include "services/history.h"

#include "base/log.h"

namespace ionian::services {
namespace {

// It ended in a way that neither its function nor its server wanted.
bool has_failed(const core::Task& task, const core::TaskExit& exit) {
  if (exit.lost || exit.out_of_memory || !exit.failed_start.empty() || task.reported_failure)
    return true;
  if (task.reason == core::StopReason::kStartupTimeout) return true;
  const bool wanted = task.killed || task.reason != core::StopReason::kNone;
  return !wanted && (exit.exit_code != 0 || exit.signal != 0);
}

}  // namespace

Result<void> History::load() {
  TRY(c_.store.write_now([now = c_.clock.now()](store::Tx& tx) -> Result<void> {
    store::end_live_containers(tx, now);
    return {};
  }));
  end_ = c_.store.read([](store::View& view) { return store::history_end(view); });
  return {};
}

void History::add(const core::Input& input) {
  store::FinishedInput record{.number = ++end_.inputs,
                              .function = input.function,
                              .call = input.call,
                              .task = input.task,
                              .method = input.method,
                              .outcome = static_cast<int>(input.result.outcome),
                              .enqueued = input.created,
                              .started = {},
                              .startup = {},
                              .done = input.done};
  if (input.started != Time{}) record.started = input.started;
  if (input.container_ready >= input.created && input.container_ready >= input.container_asked)
    record.startup = input.container_ready - input.container_asked;
  inputs_.push_back(std::move(record));
  if (!flush_at_) flush_at_ = c_.clock.now() + kWaitMax;
}

void History::look_at_call(const CallId& id) {
  const core::Call* call = c_.core.call(id);
  if (!call || call->asynchronous) return;
  std::size_t from = 0;
  if (const auto it = taken_.find(id); it != taken_.end()) from = it->second;
  for (std::size_t i = std::max(from, call->forgotten); i < call->published; ++i)
    if (const core::Input* input = c_.core.input(call->output(i))) add(*input);
  if (call->published == from) return;
  taken_[id] = call->published;
  if (taken_.size() > taken_max_) forget_read_calls();
}

// So that their number stays within twice that of the calls that the core remembers.
void History::forget_read_calls() {
  std::erase_if(taken_, [this](const auto& entry) { return !c_.core.call(entry.first); });
  taken_max_ = std::max<std::size_t>(1'000, 2 * taken_.size());
}

void History::output_kept(const InputId& id) {
  if (const core::Input* input = c_.core.input(id)) add(*input);
}

void History::look_at_task(const TaskId& id) {
  live_.insert(id);
  if (!flush_at_) flush_at_ = c_.clock.now() + kWaitMax;
}

void History::add(const core::Task& task, Time ended, bool failed) {
  store::EndedContainer record{.number = ++end_.containers,
                               .function = task.function,
                               .task = task.id,
                               .created = task.created,
                               .ready = {},
                               .ended = ended,
                               .failed = failed};
  if (task.ready != Time{}) record.ready = task.ready;
  containers_.push_back(std::move(record));
}

void History::task_exited(Time now, const TaskId& id, const core::TaskExit& exit) {
  const core::Task* task = c_.core.task(id);
  if (!task) return;
  live_.erase(id);
  add(*task, now, has_failed(*task, exit));
  if (!flush_at_) flush_at_ = now + kWaitMax;
}

store::Work History::take_write() {
  flush_at_.reset();
  std::vector<store::LiveContainer> live;
  for (const TaskId& id : std::exchange(live_, {}))
    if (const core::Task* task = c_.core.task(id))
      live.push_back({.task = id,
                      .function = task->function,
                      .created = task->created,
                      .ready = task->ready == Time{} ? std::nullopt : std::optional(task->ready)});
  return [inputs = std::exchange(inputs_, {}), containers = std::exchange(containers_, {}),
          live = std::move(live), limits = c_.history_limits,
          now = c_.clock.now()](store::Tx& tx) -> Result<void> {
    for (const store::LiveContainer& container : live) store::put_live_container(tx, container);
    for (const store::FinishedInput& input : inputs) store::insert_finished_input(tx, input);
    for (const store::EndedContainer& container : containers)
      store::insert_ended_container(tx, container);
    // As many as come may go, and some more.
    store::trim_history(tx, limits, now, 2 * (inputs.size() + containers.size()) + 100);
    return {};
  };
}

store::HistoryEnd History::flush(std::function<void(Result<void>)> then) {
  const store::HistoryEnd end = end_;
  const std::size_t records = inputs_.size() + containers_.size();
  c_.store.write(take_write(), [records, then = std::move(then)](Result<void> written) {
    if (!written)
      log::warning("statistics of ", records,
                   " inputs and containers could not be written: ", written.error().message);
    then(std::move(written));
  });
  return end;
}

std::optional<Time> History::flush_due(Time now) {
  if (!flush_at_) return std::nullopt;
  if (now < *flush_at_ && inputs_.size() < kWaitingMax) return flush_at_;
  flush([](Result<void>) {});
  return std::nullopt;
}

void History::flush_at_the_end() {
  live_.clear();
  for (const TaskId& id : c_.core.tasks()) add(*c_.core.task(id), c_.clock.now(), false);
  if (Result<void> written = c_.store.write_now(take_write()); !written)
    log::warning("the last statistics could not be written: ", written.error().message);
}

}  // namespace ionian::services
