#pragma once
// Fake containers: most of them behave, the others do all that containers do to a server.
#include <memory>
#include <unordered_map>

#include "sim/model.h"

namespace ionian::sim {

enum class Manner {
  kGood,
  kLate,          // is not ready within the startup timeout
  kFailsToStart,  // cannot be made at all
  kDiesAtStart,   // ends before it asks for inputs
  kImportFails,   // says that it cannot run inputs
  kCrashes,       // ends under an input
  kOutOfMemory,   // the same, by the kernel's hand
  kLost,          // vanishes, through no fault of its own
  kHangs,         // never answers an input
  kMute,          // answers once and never asks again
  kGreedy,        // asks for more inputs than it may run
};

class Containers {
 public:
  Containers(World& world, Model& model) : w_(world), model_(model) {}

  // What the core wants done.
  void start(const core::StartTask& a);
  void stop(const core::StopTask& a);
  void interrupt(const core::InterruptTask& a);
  void kill(const core::KillTask& a);
  // All end at once, and nobody is told.
  void vanish();
  // The calls of containers that wait for this key look again.
  void notify(const std::string& key);

  // A container that waits for inputs and has room is never left waiting beside inputs.
  void check_waiting();

 private:
  struct Container {
    TaskId id;
    FunctionId function;
    Manner manner = Manner::kGood;
    bool deaf = false;     // ignores requests to end
    bool repeats = false;  // sends everything twice
    std::size_t slots = 1, batch = 1;
    bool dead = false;
    int waiting = 0;          // calls that wait for inputs
    std::uint64_t round = 0;  // of waiting: a wake-up of a former one is stale
    bool woken = false;
  };
  using Ptr = std::shared_ptr<Container>;

  Manner draw_manner();
  void boot(const Ptr& c);
  void ask(const Ptr& c);
  void wait(const Ptr& c);
  void wake(const Ptr& c);
  void work(const Ptr& c, std::vector<InputId> inputs);
  void answer(const Ptr& c, const std::vector<InputId>& inputs);
  void put(const Ptr& c, const InputId& input);
  void cancel(const Ptr& c);
  void generate(const Ptr& c, const InputId& input);
  void exit(const Ptr& c, core::TaskExit how);
  void exit_later(const Ptr& c, Duration most, core::TaskExit how);
  // The function's first batch is not full and may still wait for more.
  bool batch_lingers(const core::Function& f) const;
  core::TaskExit end_of(const Ptr& c) const;

  World& w_;
  Model& model_;
  std::unordered_map<TaskId, Ptr> living_;
};

}  // namespace ionian::sim
