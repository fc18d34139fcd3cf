#pragma once
// Deployed apps: by name, with a version for each deployment, and the definitions that each named.
#include <map>

#include "store/apps.h"

namespace ionian::store {

struct Deployment {
  int version = 0;
  Time deployed_at;
  std::string deployed_by;  // a principal
  std::string publish;      // serialized modal.client.AppPublishRequest
};

// The app that is deployed under the name; the state is modal.client.AppState.
std::optional<App> find_deployed_app(View& view, const EnvironmentId& environment,
                                     std::string_view name, int deployed_state);
// The one that had the name last and is stopped.
std::optional<App> find_former_app(View& view, const EnvironmentId& environment,
                                   std::string_view name, int stopped_state);
void set_app_deployed(Tx& tx, const AppId& id, std::string_view name, int state);

void insert_deployment(Tx& tx, const AppId& app, const Deployment& deployment);
std::optional<Deployment> find_deployment(View& view, const AppId& app, int version);
// The newest first.
std::vector<Deployment> list_deployments(View& view, const AppId& app);
std::optional<Deployment> last_deployment(View& view, const AppId& app);

// A definition that a later publish may make its function's own.
void insert_definition(Tx& tx, std::string_view id, const FunctionId& function,
                       std::string_view definition, Time now);
// "" if there is none of this function.
std::string find_definition(View& view, const FunctionId& function, std::string_view id);
// The id of the last one; "" if there is none.
std::string newest_definition(View& view, const FunctionId& function);

// Nothing of the app is live until it is named.
void retire_all(Tx& tx, const AppId& app);
void make_function_live(Tx& tx, const FunctionId& id, std::string_view tag);
void make_class_live(Tx& tx, const AppId& app, const ClassId& id, std::string_view tag);
std::vector<Function> list_live_functions(View& view, const AppId& app);
std::vector<Class> list_live_classes(View& view, const AppId& app);
std::optional<Function> find_live_function(View& view, const AppId& app, std::string_view tag);
std::optional<Class> find_live_class(View& view, const AppId& app, std::string_view tag);
// The function as it was in a version of its app.
std::optional<Function> find_pinned_function(View& view, const AppId& app, std::string_view tag,
                                             int version);
void insert_pinned_function(Tx& tx, const Function& function, int version, Time now);

void set_app_tags(Tx& tx, const AppId& app, const std::map<std::string, std::string>& tags);
std::map<std::string, std::string> list_app_tags(View& view, const AppId& app);

}  // namespace ionian::store
