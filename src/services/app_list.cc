#include "services/app_list.h"

#include "services/apps.h"
#include "services/deployments.h"
#include "services/environments.h"

namespace ionian::services {
namespace {

using modal::client::AppState;

constexpr Duration kStoppedAppsShown = 7 * 24h;

modal::client::AppHandleMetadata handle_of_app(store::View& view, const store::App& app) {
  modal::client::AppHandleMetadata handle;
  handle.set_description(app.description);
  handle.set_app_id(app.id.str());
  if (const auto env = store::find_environment_by_id(view, app.workspace, app.environment))
    handle.set_environment_name(env->name);
  *handle.mutable_lifecycle() = lifecycle_of(view, app);
  for (const store::Function& f : store::list_live_functions(view, app.id))
    if (!f.definition_id.empty()) (*handle.mutable_functions())[f.tag] = f.id.str();
  return handle;
}

}  // namespace

void AppList::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppList", &AppList::list, rpc::Access::kView);
  on("AppGetLifecycle", &AppList::lifecycle, rpc::Access::kView);
  on("AppGetInfo", &AppList::info, rpc::Access::kView);
  on("AppGetTags", &AppList::get_tags, rpc::Access::kView);
  on("AppSetTags", &AppList::set_tags);
  on("AppGetOrCreate", &AppList::get_or_create);
}

Result<modal::client::AppListResponse> AppList::list(rpc::Call& call,
                                                     const modal::client::AppListRequest& request,
                                                     core::Core& core) {
  return c_.store.read([&](store::View& view) -> Result<modal::client::AppListResponse> {
    ASSIGN_OR_RETURN(const store::Environment env,
                     environment_of(c_, view, call, request.environment_name()));
    modal::client::AppListResponse reply;
    for (const store::App& app : store::list_apps(view, env.id, AppState::APP_STATE_STOPPED,
                                                  call.now - kStoppedAppsShown)) {
      auto* item = reply.add_apps();
      item->set_app_id(app.id.str());
      item->set_description(app.description);
      item->set_name(app.name);
      item->set_state(static_cast<AppState>(app.state));
      item->set_created_at(to_unix_seconds(app.created_at));
      item->set_stopped_at(to_unix_seconds(app.stopped_at));
      if (const core::App* live = core.app(app.id))
        item->set_n_running_tasks(static_cast<std::int32_t>(live->tasks));
      *item->mutable_metadata() = handle_of_app(view, app);
    }
    return reply;
  });
}

Result<modal::client::AppGetLifecycleResponse> AppList::lifecycle(
    rpc::Call& call, const modal::client::AppGetLifecycleRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, view, call, request.app_id()));
  modal::client::AppGetLifecycleResponse reply;
  *reply.mutable_lifecycle() = lifecycle_of(view, app);
  return reply;
}

Result<modal::client::AppGetInfoResponse> AppList::info(
    rpc::Call& call, const modal::client::AppGetInfoRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, view, call, request.app_id()));
  modal::client::AppGetInfoResponse reply;
  *reply.mutable_info() = handle_of_app(view, app);
  for (const store::Function& f : store::list_live_functions(view, app.id)) {
    if (f.definition_id.empty()) continue;
    modal::client::Function definition;
    definition.ParseFromString(f.definition);
    auto& summary = (*reply.mutable_function_info_summaries())[f.id.str()];
    if (definition.resources().gpu_config().count() > 0)
      *summary.add_gpu_config() = definition.resources().gpu_config();
    if (definition.has_schedule()) *summary.mutable_schedule() = definition.schedule();
    summary.set_web_function(definition.has_webhook_config());
  }
  return reply;
}

Result<modal::client::AppGetTagsResponse> AppList::get_tags(
    rpc::Call& call, const modal::client::AppGetTagsRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, view, call, request.app_id()));
  modal::client::AppGetTagsResponse reply;
  for (const auto& [key, value] : store::list_app_tags(view, app.id))
    (*reply.mutable_tags())[key] = value;
  return reply;
}

Result<AppList::Empty> AppList::set_tags(rpc::Call& call,
                                         const modal::client::AppSetTagsRequest& request,
                                         store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  TRY(check_tags(request.tags()));
  store::set_app_tags(tx, app.id, {request.tags().begin(), request.tags().end()});
  return Empty();
}

Result<store::App> AppList::find_or_make(rpc::Call& call, store::Tx& tx,
                                         const modal::client::AppGetOrCreateRequest& request) {
  const std::string& name = request.app_name();
  constexpr std::size_t kIdSize = 25;
  if (name.starts_with("ap-") && name.size() == kIdSize) return app_of(c_, tx, call, name);
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, tx, call, request.environment_name()));
  if (auto found = store::find_deployed_app(tx, env.id, name, AppState::APP_STATE_DEPLOYED))
    return *std::move(found);
  if (request.object_creation_type() == modal::client::OBJECT_CREATION_TYPE_UNSPECIFIED)
    return fail(Code::kNotFound, "app '", name, "' not found in environment '", env.name, "'");
  TRY(check_app_name(name));
  const store::App app{.id = AppId::make(c_.random, call.now),
                       .workspace = call.caller.workspace,
                       .environment = env.id,
                       .name = name,
                       .description = name,
                       .state = AppState::APP_STATE_DEPLOYED,
                       .created_at = call.now,
                       .created_by = call.caller.principal};
  store::insert_app(tx, app);
  const core::App live{
      .id = app.id, .workspace = app.workspace, .environment = app.environment, .ephemeral = false};
  call.after_commit(
      [this, live] { c_.core_loop.post([this, live] { c_.core.add_app(c_.clock.now(), live); }); });
  return app;
}

Result<modal::client::AppGetOrCreateResponse> AppList::get_or_create(
    rpc::Call& call, const modal::client::AppGetOrCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, find_or_make(call, tx, request));
  modal::client::AppGetOrCreateResponse reply;
  reply.set_app_id(app.id.str());
  *reply.mutable_handle_metadata() = handle_of_app(tx, app);
  return reply;
}

}  // namespace ionian::services
