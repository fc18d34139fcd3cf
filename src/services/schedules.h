#pragma once
// Schedules of deployed functions: checked when a function is created, written down when its app is
// deployed, and run as durable asynchronous calls.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/schedules.h"

namespace ionian::services {

bool has_schedule(const modal::client::Function& definition);
// INVALID_ARGUMENT for a cron expression, time zone or period that means nothing.
Result<void> check_schedule(const modal::client::Function& definition);

// The schedules that an app has from now on. A period starts again; a cron that stays the same
// keeps the run that is due.
Result<void> replace_schedules(const Context& c, rpc::Call& call, store::Tx& tx, const AppId& app,
                               std::vector<store::Schedule> schedules);

// Those of a former life; before the loops run.
void load_schedules(const Context& c, store::View& view);

// On the core's thread.
class Schedules {
 public:
  explicit Schedules(const Context& c) : c_(c) {}

  // Begins the calls that are due, and says when to look again. A run counts from its commit on:
  // the call and the time of the next run reach the disk together.
  std::optional<Time> run_due(Time now);

 private:
  void run(core::Timetable::Due due);

  const Context& c_;
};

}  // namespace ionian::services
