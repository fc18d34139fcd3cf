#include "services/restore.h"

#include "services/functions.h"
#include "services/kept_calls.h"
#include "services/schedules.h"
#include "services/variants.h"
#include "store/apps.h"

namespace ionian::services {
namespace {

using modal::client::AppState;

core::App live_app(const store::App& app) {
  core::App live{.id = app.id, .workspace = app.workspace, .environment = app.environment};
  live.detached = app.state == AppState::APP_STATE_DETACHED ||
                  app.state == AppState::APP_STATE_DETACHED_DISCONNECTED;
  live.ephemeral = !live.detached && app.state != AppState::APP_STATE_DEPLOYED;
  return live;
}

void restore_app(const Context& c, store::View& view, Time now, const store::App& app) {
  c.core.add_app(now, live_app(app));
  for (const store::Function& record : store::list_functions(view, app.id)) {
    if (record.definition_id.empty()) continue;
    modal::client::Function definition;
    definition.ParseFromString(record.definition);
    for (const core::FunctionConfig& config : configs_of(view, record, definition, app.workspace))
      c.core.redefine_function(now, config);
  }
  restore_calls(c, view, now, app.id);
  if (app.state == AppState::APP_STATE_DETACHED_DISCONNECTED) c.core.disconnect_app(now, app.id);
}

}  // namespace

Result<void> restore_apps(const Context& c, Time now) {
  std::vector<store::App> apps;
  TRY(c.store.write_now([&](store::Tx& tx) -> Result<void> {
    for (store::App& app : store::list_unstopped_apps(tx, AppState::APP_STATE_STOPPED)) {
      // Its containers died with the former life, so it has ended.
      if (app.state == AppState::APP_STATE_STOPPING)
        store::set_app_stopped(tx, app.id, AppState::APP_STATE_STOPPED, now);
      apps.push_back(std::move(app));
    }
    return {};
  }));
  c.store.read([&](store::View& view) {
    for (const store::App& app : apps) {
      if (app.state != AppState::APP_STATE_STOPPING) {
        restore_app(c, view, now, app);
        continue;
      }
      c.end_log(app.id.str());
      c.core.add_stopped_app(
          now, {.id = app.id, .workspace = app.workspace, .environment = app.environment});
      restore_calls(c, view, now, app.id);
    }
    load_schedules(c, view);
  });
  return {};
}

}  // namespace ionian::services
