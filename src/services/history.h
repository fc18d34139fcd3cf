#pragma once
// Writes down what became of inputs and containers, for statistics. Nobody waits for it: records
// are collected and go to the disk together, a second later at the latest. What a crash loses is
// that second of statistics, never a call or its result.
#include <set>
#include <vector>

#include "services/context.h"
#include "store/history.h"

namespace ionian::services {

// On the core's thread, unless said otherwise.
class History {
 public:
  explicit History(Context& context) : c_(context) {}
  // Before anything runs, from any thread: the numbers go on where a former life ended, and
  // whatever containers it had have ended.
  Result<void> load();

  // A call may have new results. Those of synchronous calls are taken from here.
  void look_at_call(const CallId& id);
  // A result of an asynchronous call is on disk.
  void output_kept(const InputId& id);
  // A task is there, or is ready.
  void look_at_task(const TaskId& id);
  // The task is about to be told of its end.
  void task_exited(Time now, const TaskId& id, const core::TaskExit& exit);

  // Writes what has waited long enough; says when it must be called again.
  std::optional<Time> flush_due(Time now);
  // Writes what there is, then says so, on another thread. Readers look up to the returned records.
  store::HistoryEnd flush(std::function<void(Result<void>)> then);
  // Waits for it; what still lives ends now. After the loop has stopped, from any thread.
  void flush_at_the_end();

 private:
  static constexpr std::size_t kWaitingMax = 1'000;
  static constexpr Duration kWaitMax = 1s;

  void add(const core::Input& input);
  void forget_read_calls();
  void add(const core::Task& task, Time ended, bool failed);
  store::Work take_write();

  Context& c_;
  store::HistoryEnd end_;
  std::vector<store::FinishedInput> inputs_;  // that wait to be written
  std::vector<store::EndedContainer> containers_;
  std::set<TaskId> live_;  // that have changed since the last write
  std::optional<Time> flush_at_;
  // How many of a synchronous map's outputs were taken.
  std::unordered_map<CallId, std::size_t> taken_;
  std::size_t taken_max_ = 1'000;  // then those whose calls are gone go
};

}  // namespace ionian::services
