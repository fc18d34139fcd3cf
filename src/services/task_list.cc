#include "services/task_list.h"

#include "services/apps.h"
#include "services/environments.h"
#include "services/task_records.h"

namespace ionian::services {
namespace {

// When it was there for its function, for lists; 0 while it starts.
double started_at(const core::Task& task) {
  return task.ready == Time{} ? 0 : to_unix_seconds(task.ready);
}

}  // namespace

void TaskList::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("TaskList", &TaskList::list, rpc::Access::kView);
  on("TaskGetInfo", &TaskList::info, rpc::Access::kView);
  on("ContainerStop", &TaskList::stop);
}

Result<modal::client::TaskListResponse> TaskList::list(
    rpc::Call& call, const modal::client::TaskListRequest& request, core::Core& core) {
  return c_.store.read([&](store::View& view) -> Result<modal::client::TaskListResponse> {
    EnvironmentId environment;
    if (request.app_id().empty()) {
      ASSIGN_OR_RETURN(const store::Environment env,
                       environment_of(c_, view, call, request.environment_name()));
      environment = env.id;
    } else {
      TRY(app_of(c_, view, call, request.app_id()));
    }
    modal::client::TaskListResponse reply;
    std::map<AppId, std::string> descriptions;  // asked for once an app
    for (const TaskId& id : core.tasks()) {
      const core::Task& task = *core.task(id);
      const core::App& app = *core.app(task.app);
      const bool wanted = request.app_id().empty() ? app.environment == environment
                                                   : app.id.str() == request.app_id();
      if (!wanted || app.workspace != call.caller.workspace) continue;
      auto* row = reply.add_tasks();
      row->set_task_id(id.str());
      row->set_app_id(app.id.str());
      const auto [description, fresh] = descriptions.try_emplace(app.id);
      if (const auto record = fresh ? store::find_app(view, app.workspace, app.id) : std::nullopt)
        description->second = record->description;
      row->set_app_description(description->second);
      row->set_started_at(started_at(task));
      row->set_enqueued_at(to_unix_seconds(task.created));
    }
    return reply;
  });
}

Result<modal::client::TaskGetInfoResponse> TaskList::info(
    rpc::Call& call, const modal::client::TaskGetInfoRequest& request, core::Core& core) {
  const TaskId id(request.task_id());
  ASSIGN_OR_RETURN(const TaskRecord task, task_of(c_, call, id, recent_task(core, id)));
  modal::client::TaskGetInfoResponse reply;
  reply.set_app_id(task.app.str());
  auto& info = *reply.mutable_info();
  info.set_id(id.str());
  info.set_enqueued_at(to_unix_seconds(task.created));
  if (task.ready) info.set_started_at(to_unix_seconds(*task.ready));
  if (task.ended) info.set_finished_at(to_unix_seconds(*task.ended));
  return reply;
}

Result<modal::client::ContainerStopResponse> TaskList::stop(
    rpc::Call& call, const modal::client::ContainerStopRequest& request, core::Core& core) {
  const TaskId id(request.task_id());
  TRY(task_of(c_, call, id, recent_task(core, id)));
  core.end_task(call.now, id, request.graceful());
  return modal::client::ContainerStopResponse();
}

}  // namespace ionian::services
