#pragma once
// A naive account of what was promised, beside the core and without its cleverness: which inputs
// were accepted, what containers gave for them, which containers there are. It compares after every
// step.
#include <set>
#include <unordered_map>

#include "sim/world.h"

namespace ionian::sim {

class Model {
 public:
  explicit Model(World& world) : w_(world) {}

  // Told by the clients.
  void app_added(const AppId& app) { apps_.insert(app); }
  void accepted(const CallId& call, const std::vector<InputId>& inputs);

  // Told by the containers.
  void started(const TaskId& task, const FunctionId& function);
  void took(const TaskId& task, const InputId& input);
  void exited(const TaskId& task);
  // Somebody stops it: what it runs begins again elsewhere from now on.
  void interrupted(const TaskId& task);
  // Gives a result to the core and checks what the core made of it.
  void put(const TaskId& task, const InputId& input, core::Result result);

  // Told by whoever carries out the core's actions.
  void kill_asked(const TaskId& task);
  void stop_asked(const TaskId& task);
  void noted(const TaskId& task, int state);
  void kept(const InputId& input);
  void app_ended(const AppId& app);

  // Told by the disk.
  void committed(const InputId& input);
  void server_died();
  void restored(const core::Call& call, const core::Input& input);
  void restored_stopped(const AppId& app) { ended_.insert(app); }
  // Somebody has read the result: it must never change.
  void read(const InputId& input);

  // After every step.
  void check();
  // After the last one: everything has come to its end, and nothing is left.
  void check_end();
  // Whether all inputs of the app have their result.
  bool drained(const AppId& app) const;
  // For the report: what has not come to its end.
  std::string unfinished() const;

 private:
  struct Accepted {
    CallId call;
    AppId app;
    FunctionId function;
    bool asynchronous = false;
    bool final = false;
    bool read = false;  // by its caller, who may ask for the next ones then
    std::string result;
    std::uint32_t starts = 0, lives = 1;  // of the server
    std::uint32_t interruptions = 0;      // starts that somebody has ended
    bool keep_asked = false, committed = false;
  };
  struct Container {
    FunctionId function;
    bool killed = false, interrupted = false;
    std::set<InputId> holds;
  };

  void check_was(const TaskId& task);
  void check_inputs();
  void check_final(const InputId& id, Accepted& known, const core::Input& input);
  void check_pending();
  void check_calls();
  void check_tasks();
  void check_functions();
  void check_queues();

  World& w_;
  std::set<AppId> apps_, ended_;
  std::unordered_map<InputId, Accepted> inputs_;
  std::unordered_map<TaskId, Container> containers_;
  std::unordered_map<TaskId, int> states_;  // as the app's log tells them
  std::set<TaskId> past_;                   // containers that have ended
};

}  // namespace ionian::sim
