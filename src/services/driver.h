#pragma once
// Carries out what the core decides, after each batch of its events, on its thread.
#include <future>

#include "services/apps.h"
#include "services/history.h"
#include "services/images.h"
#include "services/kept_calls.h"
#include "services/schedules.h"
#include "services/tasks.h"

namespace ionian::services {

class Driver {
 public:
  Driver(Context& context, Apps& apps, Images& images, Tasks& tasks, History& history)
      : c_(context),
        apps_(apps),
        images_(images),
        tasks_(tasks),
        history_(history),
        schedules_(context) {}

  // Lets time pass in the core, carries out its actions, and says when it must be called again.
  std::optional<Time> after_batch(Time now);
  // Ready once the core, told to drain, runs nothing. To be asked for once.
  std::future<void> drained() { return drained_.get_future(); }

 private:
  void carry_out(const core::StartTask& a);
  void carry_out(const core::StopTask& a) { tasks_.stop(a.task); }
  void carry_out(const core::InterruptTask& a) { tasks_.interrupt(a.task); }
  void carry_out(const core::KillTask& a) { tasks_.kill(a.task); }
  void carry_out(const core::NoteTaskState& a);
  void carry_out(const core::AppEnded& a);
  void carry_out(const core::NoteRunningInput& a) { tasks_.note_running(a.task, a.input, a.call); }
  void carry_out(const core::Notify& a);
  void carry_out(const core::KeepOutput& a) { to_keep_.push_back(a.input); }
  void carry_out(const core::KeepAttempts& a) { keep_attempts(c_, a.input); }
  void carry_out(const core::Drained&) { drained_.set_value(); }

  Context& c_;
  Apps& apps_;
  Images& images_;
  Tasks& tasks_;
  History& history_;
  Schedules schedules_;
  std::vector<InputId> to_keep_;  // results of this batch
  std::promise<void> drained_;
};

}  // namespace ionian::services
