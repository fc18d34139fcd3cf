#pragma once
// Tasks between the core, which decides, and the worker, which does: what a task is made of, and
// what it reports.
#include <mutex>
#include <unordered_map>

#include "base/pool.h"
#include "images/layers.h"
#include "rpc/server.h"
#include "services/context.h"
#include "services/history.h"
#include "services/task_spec.h"
#include "volumes/mounts.h"
#include "worker/worker.h"

namespace ionian::services {

// Blob URLs for the inside of containers: a listener in a container's own network namespace.
class InsideDoor {
 public:
  virtual ~InsideDoor() = default;
  virtual void open(const TaskId& id, UniqueFd netns) = 0;
  virtual void close(const TaskId& id) = 0;
};

// Follows the containers of one function, in place of its app's log. Called on the core's and the
// worker's threads; must not block.
class TaskWatcher {
 public:
  virtual ~TaskWatcher() = default;
  // Each started one ends, also one that could not be made.
  virtual void started(const TaskId& id) = 0;
  virtual void output(int fd, std::string_view text) = 0;
  // The folder `end.upper` is the watcher's from now on.
  virtual void ended(const TaskId& id, const worker::TaskEnd& end) = 0;
};

class Tasks final : public worker::Events, public volumes::Exchanger {
 public:
  Tasks(Context& context, History& history, images::LayerStore& layers, volumes::Mounts& mounts,
        rpc::FdNumbers& numbers, Pool& pool, TaskLimits limits);
  // The parts that in turn need this one.
  void connect(worker::Worker& worker, rpc::Server& server, InsideDoor& door);

  // The core's wishes. On its thread.
  void start(const TaskId& task, const FunctionId& function, const AppId& app,
             const WorkspaceId& workspace, const std::vector<std::string>& devices);
  void stop(const TaskId& task);
  void interrupt(const TaskId& task);
  void kill(const TaskId& task);
  void note_state(const TaskId& task, const AppId& app, const FunctionId& function, int state);
  void note_running(const TaskId& task, const InputId& input, const CallId& call);

  // From any thread.
  void watch(const FunctionId& function, std::shared_ptr<TaskWatcher> watcher);
  void unwatch(const FunctionId& function);
  void kill_all(const FunctionId& function);
  // Ends containers that have been without any connection to the server for a while: whatever runs
  // in one of them, its runtime (whose files its user's code may have closed) can neither take
  // inputs nor give results any more.
  void end_cut_off(Time now);
  // Removes the folder of a task that had kept what it wrote; `upper` lies in it.
  void discard(const std::string& upper);

  // The worker's reports. On its thread.
  void started(const TaskId& id, UniqueFd netns) override;
  void output(const TaskId& id, int fd, std::string text) override;
  void ended(const TaskId& id, const worker::TaskEnd& end) override;
  void connected(const TaskId& id, UniqueFd connection) override;

  // The volumes' wish. Waits for it.
  Result<void> exchange(const TaskId& task, const volumes::Overlay& overlay) override;

 private:
  struct Known {
    AppId app;
    FunctionId function;
    FunctionId root;  // the function itself, where it is a variant's
    InputId input;    // that runs alone in it
    CallId call;
    bool launched = false;         // the worker has it
    bool cancelled = false;        // unwanted before the worker had it
    bool connected = false;        // it has been, at least
    std::vector<int> connections;  // by their numbers
    std::optional<Time> cut_off;   // since when all of them are closed
    bool ended_cut_off = false;    // for so long that it is killed
  };

  // On a thread of the pool.
  void prepare(const TaskId& task, const FunctionId& function, const AppId& app,
               const WorkspaceId& workspace, const std::vector<std::string>& devices);
  void note_shared_mounts(const TaskId& task, const worker::TaskSpec& spec);
  // Gives the task its volumes.
  Result<void> mount_volumes(const TaskId& task, const WorkspaceId& workspace,
                             worker::TaskSpec& spec);
  // A task that is still being prepared will not start; true if it was one.
  bool cancel_unlaunched(const TaskId& task);
  bool is_open(const TaskId& task, int connection) const;
  std::shared_ptr<TaskWatcher> watcher_of(const FunctionId& function);

  Context& c_;
  History& history_;
  images::LayerStore& layers_;
  volumes::Mounts& mounts_;
  rpc::FdNumbers& numbers_;
  Pool& pool_;
  const TaskLimits limits_;
  worker::Worker* worker_ = nullptr;
  rpc::Server* server_ = nullptr;
  InsideDoor* door_ = nullptr;
  std::mutex mutex_;
  std::unordered_map<TaskId, Known> known_;                                // guarded by mutex_
  std::unordered_map<FunctionId, std::shared_ptr<TaskWatcher>> watchers_;  // guarded by mutex_
};

}  // namespace ionian::services
