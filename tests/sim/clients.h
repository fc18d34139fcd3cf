#pragma once
// Fake clients: apps with functions, calls with their inputs, readers with their cursors.
#include <memory>
#include <unordered_map>
#include <vector>

#include "sim/disk.h"

namespace ionian::sim {

class Clients {
 public:
  Clients(World& world, Model& model, Disk& disk) : w_(world), model_(model), disk_(disk) {}

  void begin();
  // Outputs may have come: readers that wait for this key look again.
  void notify(const std::string& key);
  // The server has started again: readers of asynchronous calls go on with their cursors, the
  // others are told that their call is not known.
  void server_restarted();
  // A reader that waits has seen all there is.
  void check_waiting();

  // The end: clients say goodbye in the way of their app.
  void finish();
  // Apps that live until they are stopped are stopped when they have nothing left to do; true if
  // none is left.
  bool stop_quiet_apps();

 private:
  enum class Kind { kEphemeral, kDetached, kDeployed };
  struct App {
    AppId id;
    Kind kind = Kind::kEphemeral;
    std::vector<FunctionId> functions;
    bool gone = false;  // its client
  };
  struct Reader {
    CallId call;
    std::size_t position = 0;
    bool asynchronous = false;
    bool waiting = false, woken = false, over = false;
    std::map<InputId, std::string> seen;
  };
  using AppPtr = std::shared_ptr<App>;
  using ReaderPtr = std::shared_ptr<Reader>;

  void add_app();
  void define(const AppPtr& app);
  void beat(const AppPtr& app);
  void act(const AppPtr& app);
  void leave(const AppPtr& app);
  void call(const AppPtr& app);
  bool keep(const CallId& id, const std::vector<InputId>& inputs);
  void put_inputs(const CallId& id, std::size_t left);
  void read(const ReaderPtr& reader);
  core::FunctionConfig draw_function(const AppPtr& app);
  std::vector<core::NewInput> draw_inputs(std::size_t n);

  World& w_;
  Model& model_;
  Disk& disk_;
  std::uint64_t names_ = 0;
  std::vector<AppPtr> apps_;
  std::unordered_map<std::string, ReaderPtr> readers_;  // by the key that they wait for
};

}  // namespace ionian::sim
