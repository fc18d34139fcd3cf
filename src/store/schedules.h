#pragma once
// Schedules of deployed functions, and when each runs next.
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct Schedule {
  FunctionId function;
  AppId app;
  std::string schedule;  // serialized modal.client.Schedule
  Time anchor;           // from which a period counts
  Time next_at;
};

void insert_schedule(Tx& tx, const Schedule& schedule);
void remove_schedules(Tx& tx, const AppId& app);
std::vector<Schedule> list_schedules(View& view, const AppId& app);
std::vector<Schedule> list_all_schedules(View& view);
// Its run is written by the same transaction. False if it is no longer what the caller saw.
bool advance_schedule(Tx& tx, const Schedule& seen, Time next_at);
// There is no later run.
bool end_schedule(Tx& tx, const Schedule& seen);

}  // namespace ionian::store
