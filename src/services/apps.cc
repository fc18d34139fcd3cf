#include "services/apps.h"

#include "services/environments.h"

namespace ionian::services {

using modal::client::AppState;

Result<store::App> app_of(const Context& c, store::View& view, const rpc::Call& call, const std::string& id) {
  std::optional<store::App> app = store::find_app(view, call.caller.workspace, AppId(id));
  const Result<void> may = app ? c.access.check(call, app->environment) : fail(Code::kNotFound, "");
  if (may) return *std::move(app);
  if (may.error().code != Code::kNotFound) return std::unexpected(may.error());
  return fail(Code::kNotFound, "app '", id, "' not found");
}

void settle_apps(store::Tx& tx, Time now) {
  for (const store::App& app : store::list_unstopped_apps(tx, modal::client::APP_STATE_STOPPED))
    store::set_app_stopped(tx, app.id, modal::client::APP_STATE_STOPPED, now);
}

void Apps::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppCreate", &Apps::create);
  on("AppHeartbeat", &Apps::heartbeat);
  on("AppPublish", &Apps::publish);
  on("AppClientDisconnect", &Apps::disconnect);
  on("AppStop", &Apps::stop);
}

Result<modal::client::AppCreateResponse> Apps::create(rpc::Call& call, const modal::client::AppCreateRequest& request,
                                                      store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c_, tx, call, request.environment_name()));
  const int state = request.app_state() == 0 ? modal::client::APP_STATE_EPHEMERAL : request.app_state();
  if (state != modal::client::APP_STATE_EPHEMERAL && state != modal::client::APP_STATE_DETACHED &&
      state != modal::client::APP_STATE_INITIALIZING)
    return fail(Code::kInvalidArgument, "an app cannot start in state ", state);
  const store::App app{.id = AppId::make(c_.random, call.now), .workspace = call.caller.workspace, .environment = env.id,
                       .description = request.description(), .state = state, .created_at = call.now};
  store::insert_app(tx, app);
  core::App live{.id = app.id, .workspace = app.workspace, .environment = app.environment};
  live.detached = state == modal::client::APP_STATE_DETACHED;
  live.ephemeral = !live.detached;
  call.after_commit([this, live] { c_.core_loop.post([this, live] { c_.core.add_app(c_.clock.now(), live); }); });
  modal::client::AppCreateResponse reply;
  reply.set_app_id(app.id.str());
  reply.set_app_page_url(cat(c_.public_url, "/apps/", app.id));
  reply.set_app_logs_url(cat(c_.public_url, "/apps/", app.id, "/logs"));
  return reply;
}

Result<Apps::Empty> Apps::heartbeat(rpc::Call& call, const modal::client::AppHeartbeatRequest& request, core::Core& core) {
  const core::App* app = core.app(AppId(request.app_id()));
  const bool here = app && app->workspace == call.caller.workspace;
  const Result<void> may = here ? c_.access.check(call, app->environment) : fail(Code::kNotFound, "");
  if (!may && may.error().code != Code::kNotFound) return std::unexpected(may.error());
  if (!may) return fail(Code::kNotFound, "app '", request.app_id(), "' not found");
  TRY(core.heartbeat_app(call.now, app->id));
  return Empty();
}

Result<modal::client::AppPublishResponse> Apps::publish(rpc::Call& call, const modal::client::AppPublishRequest& request,
                                                        store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == modal::client::APP_STATE_STOPPED)
    return fail(Code::kFailedPrecondition, "app '", request.app_id(), "' is stopped");
  if (request.app_state() == modal::client::APP_STATE_DEPLOYED)
    return fail(Code::kUnimplemented, "deploying apps is not served by this version of Ionian; `modal run` is");
  if (request.app_state() != modal::client::APP_STATE_UNSPECIFIED) store::set_app_state(tx, app.id, request.app_state());
  for (const auto& [tag, id] : request.class_ids()) store::set_class_tag(tx, app.id, ClassId(id), tag);
  modal::client::AppPublishResponse reply;
  reply.set_url(cat(c_.public_url, "/apps/", app.id));
  reply.set_deployed_at(to_unix_seconds(call.now));
  return reply;
}

Result<Apps::Empty> Apps::disconnect(rpc::Call& call, const modal::client::AppClientDisconnectRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == modal::client::APP_STATE_STOPPED) return Empty();
  const bool detached = app.state == modal::client::APP_STATE_DETACHED;
  store::set_app_state(tx, app.id, detached ? modal::client::APP_STATE_DETACHED_DISCONNECTED : modal::client::APP_STATE_STOPPING);
  call.after_commit([this, id = app.id] {
    c_.core_loop.post([this, id] { c_.core.disconnect_app(c_.clock.now(), id); });
  });
  return Empty();
}

Result<Apps::Empty> Apps::stop(rpc::Call& call, const modal::client::AppStopRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == modal::client::APP_STATE_STOPPED) return Empty();
  store::set_app_state(tx, app.id, modal::client::APP_STATE_STOPPING);
  call.after_commit([this, id = app.id] { c_.core_loop.post([this, id] { c_.core.stop_app(c_.clock.now(), id); }); });
  return Empty();
}

void Apps::app_ended(const AppId& id) {
  c_.end_log(id.str());
  c_.store.write(
      [this, id](store::Tx& tx) -> Result<void> {
        store::set_app_stopped(tx, id, modal::client::APP_STATE_STOPPED, c_.clock.now());
        return {};
      },
      {});
}

}  // namespace ionian::services
