#include "services/tasks.h"

#include <fcntl.h>

#include <future>

#include "base/file.h"
#include "base/log.h"
#include "services/buckets.h"
#include "services/task_spec.h"
#include "store/apps.h"
#include "store/variants.h"

namespace ionian::services {

namespace {

// A runtime that makes its connection anew does so at once.
constexpr Duration kCutOffMax = 10s;

void fill(worker::TaskVolume& volume, const volumes::Overlay& overlay) {
  volume.clear_lowers();
  for (const std::string& lower : overlay.lowers) volume.add_lowers(lower);
  volume.set_target(overlay.target);
  volume.set_upper(overlay.upper);
  volume.set_work(overlay.work);
  volume.set_read_only(overlay.read_only);
  volume.set_sub_path(overlay.sub_path);
}

}  // namespace

Tasks::Tasks(Context& context, History& history, images::LayerStore& layers,
             volumes::Mounts& mounts, rpc::FdNumbers& numbers, Pool& pool, TaskLimits limits)
    : c_(context),
      history_(history),
      layers_(layers),
      mounts_(mounts),
      numbers_(numbers),
      pool_(pool),
      limits_(limits) {}

void Tasks::connect(worker::Worker& worker, rpc::Server& server, InsideDoor& door) {
  worker_ = &worker;
  server_ = &server;
  door_ = &door;
}

void Tasks::start(const TaskId& task, const FunctionId& function, const AppId& app,
                  const WorkspaceId& workspace, const std::vector<std::string>& devices) {
  {
    std::lock_guard lock(mutex_);
    known_[task] = Known{.app = app, .function = function};
  }
  if (const auto watcher = watcher_of(function)) watcher->started(task);
  const bool queued = pool_.post([this, task, function, app, workspace, devices] {
    prepare(task, function, app, workspace, devices);
  });
  if (!queued)
    ended(task, {.failed_start = "too many containers are being prepared", .of_machine = true});
}

void Tasks::prepare(const TaskId& task, const FunctionId& function, const AppId& app,
                    const WorkspaceId& workspace, const std::vector<std::string>& devices) {
  Result<worker::TaskSpec> spec = make_task_spec(c_, layers_, limits_, task, function, workspace);
  if (!spec) return ended(task, {.failed_start = spec.error().message});
  note_shared_mounts(task, *spec);
  worker::give_devices(*spec, c_.devices, devices);
  if (Result<void> asked = ask_for_buckets(*worker_, *spec); !asked)
    return ended(task, {.failed_start = asked.error().message});
  if (Result<void> mounted = mount_volumes(task, workspace, *spec); !mounted)
    return ended(task, {.failed_start = mounted.error().message});
  rpc::Caller caller{
      .kind = rpc::CallerKind::kTask, .workspace = workspace, .task = task, .app = app};
  FunctionId root = function;
  c_.store.read([&](store::View& view) {
    if (const auto record = store::find_app(view, workspace, app))
      caller.environment = record->environment;
    if (const auto variant = store::find_variant(view, function)) root = variant->base;
  });
  c_.identity.add_task(task, std::move(caller));
  std::unique_lock lock(mutex_);
  Known& known = known_.at(task);
  if (known.cancelled) {
    lock.unlock();
    return ended(task, {});
  }
  known.launched = true;
  known.root = root;
  worker_->start(std::move(*spec));
}

void Tasks::note_shared_mounts(const TaskId& task, const worker::TaskSpec& spec) {
  std::vector<std::string> folders;
  for (const worker::TaskBind& bind : spec.binds()) folders.push_back(bind.source());
  c_.shared_mounts.add(task, std::move(folders));
}

Result<void> Tasks::mount_volumes(const TaskId& task, const WorkspaceId& workspace,
                                  worker::TaskSpec& spec) {
  std::vector<volumes::MountWish> wishes;
  for (const worker::TaskVolume& volume : spec.volumes())
    wishes.push_back({.volume = volume.volume_id(),
                      .workspace = workspace,
                      .target = volume.target(),
                      .read_only = volume.read_only(),
                      .sub_path = volume.sub_path(),
                      .background_commits = volume.background_commits()});
  ASSIGN_OR_RETURN(const auto overlays, mounts_.prepare(task, wishes));
  for (std::size_t i = 0; i < overlays.size(); ++i)
    fill(*spec.mutable_volumes(static_cast<int>(i)), overlays[i]);
  return {};
}

Result<void> Tasks::exchange(const TaskId& task, const volumes::Overlay& overlay) {
  worker::TaskVolume volume;
  volume.set_volume_id(overlay.volume);
  fill(volume, overlay);
  std::promise<Result<void>> promise;
  worker_->exchange(task, std::move(volume),
                    [&](Result<void> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

bool Tasks::cancel_unlaunched(const TaskId& task) {
  std::lock_guard lock(mutex_);
  const auto it = known_.find(task);
  if (it == known_.end() || it->second.launched) return false;
  return it->second.cancelled = true;
}

void Tasks::stop(const TaskId& task) {
  if (!cancel_unlaunched(task)) worker_->stop(task);
}

void Tasks::interrupt(const TaskId& task) {
  if (!cancel_unlaunched(task)) worker_->interrupt(task);
}

void Tasks::kill(const TaskId& task) {
  if (!cancel_unlaunched(task)) worker_->kill(task);
}

void Tasks::note_state(const TaskId& task, const AppId& app, const FunctionId& function,
                       int state) {
  modal::client::TaskLogsBatch batch;
  batch.set_task_id(task.str());
  batch.set_function_id(function.str());
  auto* item = batch.add_items();
  item->set_task_state(static_cast<modal::client::TaskState>(state));
  item->set_timestamp(to_unix_seconds(c_.clock.now()));
  c_.log(app.str(), std::move(batch));
}

void Tasks::note_running(const TaskId& task, const InputId& input, const CallId& call) {
  std::lock_guard lock(mutex_);
  if (const auto it = known_.find(task); it != known_.end())
    it->second.input = input, it->second.call = call;
}

void Tasks::started(const TaskId& id, UniqueFd netns) { door_->open(id, std::move(netns)); }

void Tasks::output(const TaskId& id, int fd, std::string text) {
  Known known;
  {
    std::lock_guard lock(mutex_);
    const auto it = known_.find(id);
    if (it == known_.end()) return;
    known = it->second;
  }
  if (const auto watcher = watcher_of(known.function)) return watcher->output(fd, text);
  modal::client::TaskLogsBatch batch;
  batch.set_task_id(id.str());
  batch.set_function_id(known.function.str());
  batch.set_root_function_id(known.root.str());
  batch.set_input_id(known.input.str());
  auto* item = batch.add_items();
  item->set_data(std::move(text));
  item->set_file_descriptor(fd == 2 ? modal::client::FILE_DESCRIPTOR_STDERR
                                    : modal::client::FILE_DESCRIPTOR_STDOUT);
  const Time now = c_.clock.now();
  item->set_timestamp(to_unix_seconds(now));
  item->set_timestamp_ns(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  item->set_function_call_id(known.call.str());
  item->set_input_id(known.input.str());
  c_.log(known.app.str(), std::move(batch));
}

void Tasks::ended(const TaskId& id, const worker::TaskEnd& end) {
  c_.identity.forget_task(id);
  numbers_.forget(id);
  door_->close(id);
  mounts_.ended(id);
  c_.shared_mounts.remove(id);
  std::shared_ptr<TaskWatcher> watcher;
  bool cut_off = false;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(id); it != known_.end()) {
      cut_off = it->second.ended_cut_off;
      if (const auto of = watchers_.find(it->second.function); of != watchers_.end())
        watcher = of->second;
      known_.erase(it);
    }
  }
  if (!end.failed_start.empty()) log::warning("task ", id, " did not start: ", end.failed_start);
  core::TaskExit exit{.exit_code = end.exit_code,
                      .signal = end.signal,
                      .out_of_memory = end.out_of_memory,
                      .failed_start = end.failed_start,
                      .of_machine = end.of_machine,
                      .lost = end.lost,
                      .cut_off = cut_off};
  c_.core_loop.post([this, id, exit] {
    const Time now = c_.clock.now();
    history_.task_exited(now, id, exit);
    c_.core.task_exited(now, id, exit);
  });
  if (watcher)
    watcher->ended(id, end);
  else if (!end.upper.empty())
    discard(end.upper);
}

void Tasks::watch(const FunctionId& function, std::shared_ptr<TaskWatcher> watcher) {
  std::lock_guard lock(mutex_);
  watchers_[function] = std::move(watcher);
}

void Tasks::unwatch(const FunctionId& function) {
  std::lock_guard lock(mutex_);
  watchers_.erase(function);
}

std::shared_ptr<TaskWatcher> Tasks::watcher_of(const FunctionId& function) {
  std::lock_guard lock(mutex_);
  const auto it = watchers_.find(function);
  return it == watchers_.end() ? nullptr : it->second;
}

void Tasks::kill_all(const FunctionId& function) {
  std::vector<TaskId> ids;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, known] : known_)
      if (known.function == function) ids.push_back(id);
  }
  for (const TaskId& id : ids) kill(id);
}

void Tasks::discard(const std::string& upper) {
  const std::string folder = upper.substr(0, upper.rfind('/'));
  pool_.post([folder] {
    if (Result<void> removed = remove_tree(folder); !removed) log::warning(removed.error().message);
  });
}

void Tasks::connected(const TaskId& id, UniqueFd connection) {
  Result<int> number = numbers_.assign(std::move(connection), id);
  if (!number) return log::warning("a connection of ", id, " was closed: ", number.error().message);
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(id); it != known_.end())
      it->second.connected = true, it->second.connections.push_back(*number);
  }
  server_->adopt(*number);
}

bool Tasks::is_open(const TaskId& task, int connection) const {
  return numbers_.task_of(cat("fd:", connection)) == task &&
         (::fcntl(connection, F_GETFD) >= 0 || errno != EBADF);
}

void Tasks::end_cut_off(Time now) {
  std::vector<TaskId> ending;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, known] : known_) {
      if (!known.connected) continue;
      std::erase_if(known.connections, [&](int each) { return !is_open(id, each); });
      if (!known.connections.empty())
        known.cut_off.reset();
      else if (!known.cut_off)
        known.cut_off = now;
      else if (now - *known.cut_off >= kCutOffMax && !std::exchange(known.ended_cut_off, true))
        ending.push_back(id);
    }
  }
  for (const TaskId& id : ending) {
    log::warning("container ", id, " has had no connection to the server for ", kCutOffMax / 1s,
                 " s; it is ended");
    kill(id);
  }
}

}  // namespace ionian::services
