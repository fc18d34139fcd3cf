#pragma once
// What survives the server: records of apps and functions, asynchronous calls with their inputs,
// and those results and attempts whose write has reached the disk. Writes take a while, arrive in
// order, and now and then fail.
#include "sim/model.h"

namespace ionian::sim {

class Disk {
 public:
  Disk(World& world, Model& model) : w_(world), model_(model) {}

  // Told by the clients, whose reply waits for it.
  void app_added(const core::App& app) { apps_[app.id] = {.app = app}; }
  void app_kept(const AppId& app) { apps_.at(app).app.ephemeral = false; }
  void app_left(const AppId& app) { apps_.at(app).left = true; }
  void app_stopped(const AppId& app) { apps_.at(app).stopped = true; }
  // The core may have let go of it.
  void bring_function(const FunctionId& id);
  void function_defined(const core::FunctionConfig& config) { functions_[config.id] = config; }
  void accepted(const CallId& call, const std::vector<InputId>& inputs);

  // What the core wants kept.
  void keep_output(const InputId& id);
  void keep_attempts(const InputId& id);

  // The server has died and starts again: what was on its way to the disk is lost.
  void restart();
  // Brings a call back into the core that it has let go; false if there is none.
  bool load(const CallId& id);

 private:
  struct App {
    core::App app;
    bool left = false, stopped = false;
  };
  void write(std::function<void(bool arrived)> effect);
  void restore_call(const CallId& id);
  bool unfinished(const CallId& id) const;

  World& w_;
  Model& model_;
  std::uint64_t life_ = 0;
  Time last_write_;
  std::map<AppId, App> apps_;
  std::map<FunctionId, core::FunctionConfig> functions_;
  std::map<CallId, core::Call> calls_;  // with their inputs, by order of arrival
  std::map<InputId, core::Input> inputs_;
};

}  // namespace ionian::sim
