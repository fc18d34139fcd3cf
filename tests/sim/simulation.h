#pragma once
// One run from one seed.
#include <string>

#include "sim/clients.h"
#include "sim/containers.h"

namespace ionian::sim {

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool verbose)
      : w_(seed, verbose),
        model_(w_),
        disk_(w_, model_),
        clients_(w_, model_, disk_),
        containers_(w_, model_) {}

  // What was violated; "" if nothing was.
  std::string run();
  std::uint64_t steps() const { return w_.steps(); }

 private:
  void settle();
  void restart();
  void carry_out();
  void carry_out(const core::StartTask& a) { containers_.start(a); }
  void carry_out(const core::StopTask& a) { containers_.stop(a); }
  void carry_out(const core::InterruptTask& a) { containers_.interrupt(a); }
  void carry_out(const core::KillTask& a) { containers_.kill(a); }
  void carry_out(const core::NoteTaskState& a) { model_.noted(a.task, a.state); }
  void carry_out(const core::NoteRunningInput&) {}
  void carry_out(const core::AppEnded& a);
  void carry_out(const core::KeepOutput& a);
  void carry_out(const core::KeepAttempts& a) { disk_.keep_attempts(a.input); }
  void carry_out(const core::Drained&) {}
  void carry_out(const core::Notify& a);
  // Goes on until `done` says so, or nothing can happen any more, or `limit` has passed.
  template <class Done>
  bool go(Duration limit, Done done);

  World w_;
  Model model_;
  Disk disk_;
  Clients clients_;
  Containers containers_;
};

}  // namespace ionian::sim
