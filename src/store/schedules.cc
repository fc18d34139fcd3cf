#include "store/schedules.h"

#define SELECT_SCHEDULE "SELECT function, app, schedule, anchor, next_at FROM schedules"
#define AS_SEEN " WHERE function = ? AND schedule = ? AND anchor = ? AND next_at = ?"

namespace ionian::store {
namespace {

std::vector<Schedule> all(Rows rows) {
  std::vector<Schedule> list;
  while (rows.next())
    list.push_back({.function = FunctionId(rows.text(0)),
                    .app = AppId(rows.text(1)),
                    .schedule = rows.text(2),
                    .anchor = rows.time(3),
                    .next_at = rows.time(4)});
  return list;
}

}  // namespace

void insert_schedule(Tx& tx, const Schedule& s) {
  tx.db().run(
      "INSERT INTO schedules (function, app, schedule, anchor, next_at) VALUES (?, ?, ?, ?, ?)",
      s.function, s.app, Blob{s.schedule}, s.anchor, s.next_at);
}

void remove_schedules(Tx& tx, const AppId& app) {
  tx.db().run("DELETE FROM schedules WHERE app = ?", app);
}

std::vector<Schedule> list_schedules(View& view, const AppId& app) {
  return all(view.db().query(SELECT_SCHEDULE " WHERE app = ?", app));
}

std::vector<Schedule> list_all_schedules(View& view) {
  return all(view.db().query(SELECT_SCHEDULE));
}

bool advance_schedule(Tx& tx, const Schedule& seen, Time next_at) {
  return tx.db().run("UPDATE schedules SET next_at = ?" AS_SEEN, next_at, seen.function,
                     Blob{seen.schedule}, seen.anchor, seen.next_at) > 0;
}

bool end_schedule(Tx& tx, const Schedule& seen) {
  return tx.db().run("DELETE FROM schedules" AS_SEEN, seen.function, Blob{seen.schedule},
                     seen.anchor, seen.next_at) > 0;
}

}  // namespace ionian::store
