#include "services/task_records.h"

#include "store/apps.h"
#include "store/history.h"
#include "store/variants.h"

namespace ionian::services {
namespace {

std::optional<Time> if_set(Time t) { return t == Time{} ? std::nullopt : std::optional(t); }

std::optional<TaskRecord> past_task(store::View& view, const WorkspaceId& workspace,
                                    const TaskId& id) {
  const auto container = store::find_ended_container(view, id);
  if (!container) return std::nullopt;
  const auto function = store::find_function_or_base(view, workspace, container->function);
  if (!function) return std::nullopt;
  return TaskRecord{.app = function->app,
                    .created = container->created,
                    .ready = container->ready,
                    .ended = container->ended};
}

}  // namespace

std::optional<TaskRecord> recent_task(const core::Core& core, const TaskId& id) {
  if (const core::Task* live = core.task(id))
    return TaskRecord{
        .app = live->app, .created = live->created, .ready = if_set(live->ready), .ended = {}};
  if (const core::EndedTask* past = core.ended_task(id))
    return TaskRecord{.app = past->app,
                      .created = past->created,
                      .ready = if_set(past->ready),
                      .ended = past->ended};
  return std::nullopt;
}

Result<TaskRecord> task_of(const Context& c, const rpc::Call& call, const TaskId& id,
                           const std::optional<TaskRecord>& recent) {
  const WorkspaceId& workspace = call.caller.workspace;
  std::optional<TaskRecord> found = recent;
  const auto app = c.store.read([&](store::View& view) -> std::optional<store::App> {
    if (!found) found = past_task(view, workspace, id);
    return found ? store::find_app(view, workspace, found->app) : std::nullopt;
  });
  TRY(c.access.check(call, app ? &app->environment : nullptr, {"container", id.str()}));
  return *found;
}

}  // namespace ionian::services
