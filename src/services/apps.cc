#include "services/apps.h"

#include "base/log.h"
#include "services/environments.h"
#include "store/deployments.h"
#include "store/schedules.h"

namespace ionian::services {

// The disk may have room again by then.
constexpr Duration kCloseAgain = 5s;

Result<store::App> app_of(const Context& c, store::View& view, const rpc::Call& call,
                          const std::string& id) {
  std::optional<store::App> app = store::find_app(view, call.caller.workspace, AppId(id));
  TRY(c.access.check(call, app ? &app->environment : nullptr, {"app", id}));
  return *std::move(app);
}

Result<void> check_tags(const google::protobuf::Map<std::string, std::string>& tags) {
  constexpr std::size_t kTagsMax = 100, kTagBytesMax = 256;
  if (tags.size() > kTagsMax)
    return fail(Code::kInvalidArgument, tags.size(), " tags: an app may have ", kTagsMax);
  for (const auto& [key, value] : tags)
    if (key.empty() || key.size() > kTagBytesMax || value.size() > kTagBytesMax)
      return fail(Code::kInvalidArgument, "the tag '", key.substr(0, kTagBytesMax),
                  "' is empty or longer than ", kTagBytesMax, " bytes");
  return {};
}

void Apps::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppCreate", &Apps::create);
  on("AppHeartbeat", &Apps::heartbeat);
  on("AppClientDisconnect", &Apps::disconnect);
  on("AppStop", &Apps::stop);
}

Result<modal::client::AppCreateResponse> Apps::create(
    rpc::Call& call, const modal::client::AppCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, tx, call, request.environment_name()));
  const int state =
      request.app_state() == 0 ? modal::client::APP_STATE_EPHEMERAL : request.app_state();
  if (state != modal::client::APP_STATE_EPHEMERAL && state != modal::client::APP_STATE_DETACHED &&
      state != modal::client::APP_STATE_INITIALIZING)
    return fail(Code::kInvalidArgument, "an app cannot start in state ", state);
  TRY(check_tags(request.tags()));
  const store::App app{.id = AppId::make(c_.random, call.now),
                       .workspace = call.caller.workspace,
                       .environment = env.id,
                       .description = request.description(),
                       .state = state,
                       .created_at = call.now,
                       .created_by = call.caller.principal};
  store::insert_app(tx, app);
  store::set_app_tags(tx, app.id, {request.tags().begin(), request.tags().end()});
  core::App live{
      .id = app.id, .workspace = app.workspace, .environment = app.environment, .complete = false};
  live.detached = state == modal::client::APP_STATE_DETACHED;
  live.ephemeral = !live.detached;
  call.after_commit(
      [this, live] { c_.core_loop.post([this, live] { c_.core.add_app(c_.clock.now(), live); }); });
  modal::client::AppCreateResponse reply;
  reply.set_app_id(app.id.str());
  reply.set_app_page_url(cat(c_.public_url, "/apps/", app.id));
  reply.set_app_logs_url(cat(c_.public_url, "/apps/", app.id, "/logs"));
  return reply;
}

Result<Apps::Empty> Apps::heartbeat(rpc::Call& call,
                                    const modal::client::AppHeartbeatRequest& request,
                                    core::Core& core) {
  const core::App* app = core.app(AppId(request.app_id()));
  const bool here = app && app->workspace == call.caller.workspace;
  TRY(c_.access.check(call, here ? &app->environment : nullptr, {"app", request.app_id()}));
  TRY(core.heartbeat_app(call.now, app->id));
  return Empty();
}

Result<Apps::Empty> Apps::disconnect(rpc::Call& call,
                                     const modal::client::AppClientDisconnectRequest& request,
                                     store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == modal::client::APP_STATE_STOPPED) return Empty();
  // A client that fails while it deploys leaves what is deployed as it is.
  if (app.state == modal::client::APP_STATE_DEPLOYED) return Empty();
  const bool detached = app.state == modal::client::APP_STATE_DETACHED ||
                        app.state == modal::client::APP_STATE_DETACHED_DISCONNECTED;
  store::set_app_state(tx, app.id,
                       detached ? modal::client::APP_STATE_DETACHED_DISCONNECTED
                                : modal::client::APP_STATE_STOPPING);
  call.after_commit([this, id = app.id] {
    c_.core_loop.post([this, id] { c_.core.disconnect_app(c_.clock.now(), id); });
  });
  return Empty();
}

Result<Apps::Empty> Apps::stop(rpc::Call& call, const modal::client::AppStopRequest& request,
                               store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == modal::client::APP_STATE_STOPPED) return Empty();
  store::set_app_stopping(tx, app.id, modal::client::APP_STATE_STOPPING, call.caller.principal);
  store::remove_schedules(tx, app.id);
  call.after_commit([this, id = app.id] {
    c_.core_loop.post([this, id] {
      c_.timetable.remove_app(id);
      c_.core.stop_app(c_.clock.now(), id);
    });
  });
  return Empty();
}

void Apps::app_ended(const AppId& id) {
  c_.end_log(id.str());
  close(id);
}

void Apps::close(const AppId& id) {
  const auto done = [this, id](Result<void> written) {
    if (written) return;
    log::warning("the end of app ", id,
                 " could not be written, and is written again later: ", written.error().message);
    c_.core_loop.post([this, id] { again_.emplace_back(c_.clock.now() + kCloseAgain, id); });
  };
  c_.store.write(
      [this, id](store::Tx& tx) -> Result<void> {
        store::set_app_stopped(tx, id, modal::client::APP_STATE_STOPPED, c_.clock.now());
        return {};
      },
      done);
}

std::optional<Time> Apps::close_again(Time now) {
  while (!again_.empty() && again_.front().first <= now) {
    const AppId id = again_.front().second;
    again_.pop_front();
    close(id);
  }
  return again_.empty() ? std::nullopt : std::optional(again_.front().first);
}

}  // namespace ionian::services
