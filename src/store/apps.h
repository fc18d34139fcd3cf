#pragma once
// Apps, their functions and classes.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct App {
  AppId id;
  WorkspaceId workspace;
  EnvironmentId environment;
  std::string name, description;
  int state = 0;  // modal.client.AppState
  Time created_at;
  std::string created_by = "";  // a principal
  Time stopped_at = {};
  std::string stopped_by = "";
};

struct Function {
  FunctionId id;
  AppId app;
  std::string tag;
  std::string definition_id;  // "" = only announced so far
  std::string definition;     // serialized modal.client.Function
  bool live = true;           // its app's last publish names it; never true of a pinned one
};

struct Class {
  ClassId id;
  AppId app;
  std::string tag;
};

void insert_app(Tx& tx, const App& app);
std::optional<App> find_app(View& view, const WorkspaceId& workspace, const AppId& id);
void set_app_state(Tx& tx, const AppId& id, int state);
void set_app_stopping(Tx& tx, const AppId& id, int state, std::string_view by);
void set_app_stopped(Tx& tx, const AppId& id, int state, Time now);
// Apps of a former life of the server that were not stopped.
std::vector<App> list_unstopped_apps(View& view, int stopped_state);

// Of one environment, the newest first, without those that were stopped before a time.
std::vector<App> list_apps(View& view, const EnvironmentId& environment, int stopped_state,
                           Time stopped_after);

void insert_function(Tx& tx, const Function& function, Time now);
void define_function(Tx& tx, const FunctionId& id, std::string_view definition_id,
                     std::string_view definition);
std::optional<Function> find_function(View& view, const WorkspaceId& workspace,
                                      const FunctionId& id);
// Those of other versions too; of several with one tag, the live one comes last.
std::vector<Function> list_functions(View& view, const AppId& app);

void insert_class(Tx& tx, const Class& c, Time now);
void set_class_tag(Tx& tx, const AppId& app, const ClassId& id, std::string_view tag);
bool find_class(View& view, const AppId& app, const ClassId& id);
// In the same order.
std::vector<Class> list_classes(View& view, const AppId& app);

}  // namespace ionian::store
