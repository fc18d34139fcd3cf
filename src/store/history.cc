#include "store/history.h"

#include "store/rows.h"

#define SELECT_INPUTS                                                                  \
  "SELECT number, function, call, task, method, outcome, enqueued, started, startup, " \
  "done FROM finished_inputs"
#define SELECT_CONTAINERS \
  "SELECT number, function, task, created, ready, ended, failed FROM ended_containers"

namespace ionian::store {
namespace {

std::int64_t micros(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}
std::int64_t micros(Time t) { return micros(t.time_since_epoch()); }
Time time_of(std::int64_t micros) { return Time{std::chrono::microseconds{micros}}; }

template <class T>
std::optional<std::int64_t> micros(const std::optional<T>& t) {
  return t ? std::optional(micros(*t)) : std::nullopt;
}

void read_inputs(Rows rows, const TakeInput& take) {
  while (rows.next()) {
    FinishedInput input{.number = rows.number(0),
                        .function = FunctionId(rows.text(1)),
                        .call = CallId(rows.text(2)),
                        .task = TaskId(rows.text(3)),
                        .method = rows.text(4),
                        .outcome = static_cast<int>(rows.number(5)),
                        .enqueued = time_of(rows.number(6)),
                        .started = {},
                        .startup = {},
                        .done = time_of(rows.number(9))};
    if (!rows.null(7)) input.started = time_of(rows.number(7));
    if (!rows.null(8)) input.startup = std::chrono::microseconds{rows.number(8)};
    take(std::move(input));
  }
}

EndedContainer read_container(const Rows& rows) {
  EndedContainer container{.number = rows.number(0),
                           .function = FunctionId(rows.text(1)),
                           .task = TaskId(rows.text(2)),
                           .created = time_of(rows.number(3)),
                           .ready = {},
                           .ended = time_of(rows.number(5)),
                           .failed = rows.number(6) != 0};
  if (!rows.null(4)) container.ready = time_of(rows.number(4));
  return container;
}

}  // namespace

void insert_finished_input(Tx& tx, const FinishedInput& i) {
  tx.db().run(
      "INSERT INTO finished_inputs (number, function, call, task, method, outcome, enqueued,"
      " started, startup, done) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      i.number, i.function, i.call, i.task, i.method, i.outcome, micros(i.enqueued),
      micros(i.started), micros(i.startup), micros(i.done));
}

void insert_ended_container(Tx& tx, const EndedContainer& c) {
  tx.db().run(
      "INSERT INTO ended_containers (number, function, task, created, ready, ended, failed)"
      " VALUES (?, ?, ?, ?, ?, ?, ?)",
      c.number, c.function, c.task, micros(c.created), micros(c.ready), micros(c.ended),
      static_cast<int>(c.failed));
  tx.db().run("DELETE FROM live_containers WHERE task = ?", c.task);
}

void put_live_container(Tx& tx, const LiveContainer& c) {
  tx.db().run(
      "INSERT OR REPLACE INTO live_containers (task, function, created, ready)"
      " VALUES (?, ?, ?, ?)",
      c.task, c.function, micros(c.created), micros(c.ready));
}

void end_live_containers(Tx& tx, Time now) {
  tx.db().run(
      "INSERT INTO ended_containers (function, task, created, ready, ended, failed)"
      " SELECT function, task, created, ready, ?, 0 FROM live_containers ORDER BY created",
      micros(now));
  tx.db().run("DELETE FROM live_containers");
}

HistoryEnd history_end(View& view) {
  return {.inputs = one_number(view.db().query("SELECT max(number) FROM finished_inputs")),
          .containers = one_number(view.db().query("SELECT max(number) FROM ended_containers"))};
}

// In the order of their end, the oldest are those of the lowest numbers.
void trim_history(Tx& tx, const HistoryLimits& limits, Time now, std::size_t most) {
  const HistoryEnd end = history_end(tx);
  tx.db().run(
      "DELETE FROM finished_inputs WHERE number IN (SELECT number FROM finished_inputs"
      " ORDER BY number LIMIT ?) AND (number <= ? OR done < ?)",
      most, end.inputs - limits.inputs, micros(now - limits.age));
  tx.db().run(
      "DELETE FROM ended_containers WHERE number IN (SELECT number FROM ended_containers"
      " ORDER BY number LIMIT ?) AND (number <= ? OR ended < ?)",
      most, end.containers - limits.containers, micros(now - limits.containers_age));
}

Time history_start(View& view, const HistoryLimits& limits, Time now) {
  const HistoryEnd end = history_end(view);
  Time start = now - limits.age;
  Rows input = view.db().query("SELECT number, done FROM finished_inputs ORDER BY number LIMIT 1");
  if (input.next() && end.inputs - input.number(0) + 1 >= limits.inputs)
    start = std::max(start, time_of(input.number(1)));
  Rows container =
      view.db().query("SELECT number, ended FROM ended_containers ORDER BY number LIMIT 1");
  if (container.next() && end.containers - container.number(0) + 1 >= limits.containers)
    start = std::max(start, time_of(container.number(1)));
  return start;
}

void list_inputs_by_arrival(View& view, const HistoryRange& r, std::size_t most,
                            const TakeInput& take) {
  read_inputs(view.db().query(SELECT_INPUTS " WHERE function = ? AND enqueued >= ? AND enqueued < ?"
                                            " AND number <= ? ORDER BY enqueued, number LIMIT ?",
                              r.function, micros(r.since), micros(r.until), r.end.inputs, most),
              take);
}

void list_newest_inputs(View& view, const HistoryRange& r, std::size_t most,
                        const TakeInput& take) {
  read_inputs(
      view.db().query(SELECT_INPUTS " WHERE function = ? AND enqueued >= ? AND enqueued < ?"
                                    " AND number <= ? ORDER BY enqueued DESC, number DESC LIMIT ?",
                      r.function, micros(r.since), micros(r.until), r.end.inputs, most),
      take);
}

void count_inputs_by_arrival(View& view, const HistoryRange& r, std::int64_t width_seconds,
                             const std::function<void(std::int64_t, std::int64_t)>& take) {
  Rows rows = view.db().query(
      "SELECT enqueued / ?, count(*) FROM finished_inputs"
      " WHERE function = ? AND enqueued >= ? AND enqueued < ? AND number <= ? GROUP BY 1",
      width_seconds * 1'000'000, r.function, micros(r.since), micros(r.until), r.end.inputs);
  while (rows.next()) take(rows.number(0), rows.number(1));
}

void list_inputs_by_end(View& view, const HistoryRange& r, const TakeInput& take) {
  read_inputs(view.db().query(SELECT_INPUTS " WHERE function = ? AND done >= ? AND number <= ?",
                              r.function, micros(r.since), r.end.inputs),
              take);
}

void list_containers_by_end(View& view, const HistoryRange& r, const TakeContainer& take) {
  Rows rows =
      view.db().query(SELECT_CONTAINERS " WHERE function = ? AND ended >= ? AND number <= ?",
                      r.function, micros(r.since), r.end.containers);
  while (rows.next()) take(read_container(rows));
}

std::optional<EndedContainer> find_ended_container(View& view, const TaskId& task) {
  Rows rows = view.db().query(SELECT_CONTAINERS " WHERE task = ?", task);
  if (!rows.next()) return std::nullopt;
  return read_container(rows);
}

}  // namespace ionian::store
