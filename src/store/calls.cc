#include "store/calls.h"

#include "store/rows.h"

#define SELECT_CALL                                                                        \
  "SELECT id, function, app, workspace, parent_input, type, invocation_type, created_at, " \
  "scheduled_at, done_at FROM "                                                            \
  "calls"

namespace ionian::store {
namespace {

Call read_call(const Rows& r) {
  return {.id = CallId(r.text(0)),
          .function = FunctionId(r.text(1)),
          .app = AppId(r.text(2)),
          .workspace = WorkspaceId(r.text(3)),
          .parent_input = InputId(r.text(4)),
          .type = static_cast<int>(r.number(5)),
          .invocation_type = static_cast<int>(r.number(6)),
          .created_at = r.time(7),
          .scheduled_at = r.maybe_time(8),
          .done_at = r.maybe_time(9)};
}

}  // namespace

void insert_call(Tx& tx, const Call& c) {
  tx.db().run(
      "INSERT INTO calls (id, function, app, workspace, parent_input, type, invocation_type,"
      " created_at, scheduled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      c.id, c.function, c.app, c.workspace, c.parent_input, c.type, c.invocation_type, c.created_at,
      c.scheduled_at);
}

void insert_input(Tx& tx, const CallId& call, const CallInput& i) {
  tx.db().run("INSERT INTO inputs (id, call, idx, input) VALUES (?, ?, ?, ?)", i.id, call, i.index,
              Blob{i.input});
}

void reopen_call(Tx& tx, const CallId& call) {
  tx.db().run("UPDATE calls SET done_at = NULL WHERE id = ? AND done_at IS NOT NULL", call);
}

void keep_attempts(Tx& tx, const CallInput& i) {
  tx.db().run("UPDATE inputs SET retries = ?, lost = ?, next_attempt = ? WHERE id = ?", i.attempts,
              i.lost, i.next_attempt, i.id);
}

void cancel_inputs(Tx& tx, const CallId& call) {
  tx.db().run("UPDATE inputs SET cancelled = 1 WHERE call = ? AND done_at IS NULL", call);
}

void keep_output(Tx& tx, const CallId& call, const InputId& input, std::size_t position,
                 std::string_view output, Time now) {
  // What it was called with is needed no more.
  tx.db().run(
      "UPDATE inputs SET output = ?, position = ?, done_at = ?, input = x''"
      " WHERE id = ? AND done_at IS NULL",
      Blob{output}, position, now, input);
  tx.db().run(
      "UPDATE calls SET done_at = ?1 WHERE id = ?2"
      " AND NOT EXISTS (SELECT 1 FROM inputs WHERE call = ?2 AND done_at IS NULL)",
      now, call);
}

std::optional<Call> find_call(View& view, const WorkspaceId& workspace, const CallId& id) {
  Rows rows = view.db().query(SELECT_CALL " WHERE workspace = ? AND id = ?", workspace, id);
  if (!rows.next()) return std::nullopt;
  return read_call(rows);
}

std::vector<CallInput> list_inputs(View& view, const CallId& call) {
  std::vector<CallInput> all;
  Rows rows = view.db().query(
      "SELECT id, idx, input, retries, lost, output, position, cancelled, next_attempt FROM inputs"
      " WHERE call = ? ORDER BY rowid",
      call);
  while (rows.next())
    all.push_back({.id = InputId(rows.text(0)),
                   .index = static_cast<std::int32_t>(rows.number(1)),
                   .input = rows.text(2),
                   .attempts = static_cast<std::uint32_t>(rows.number(3)),
                   .lost = static_cast<std::uint32_t>(rows.number(4)),
                   .output = rows.text(5),
                   .position = static_cast<std::size_t>(rows.number(6)),
                   .cancelled = rows.number(7) != 0,
                   .next_attempt = rows.maybe_time(8)});
  return all;
}

std::vector<CallInput> list_outputs(View& view, const CallId& call, const OutputsAsked& asked) {
  std::vector<CallInput> all;
  std::size_t bytes = 0;
  Rows rows = view.db().query(
      "SELECT id, idx, output FROM inputs WHERE call = ? AND idx BETWEEN ? AND ?"
      " AND done_at IS NOT NULL ORDER BY idx",
      call, asked.first, asked.last);
  while (rows.next()) {
    const auto index = static_cast<std::int32_t>(rows.number(1));
    const bool full = all.size() >= asked.most || bytes >= asked.bytes_max;
    if (full && !all.empty() && all.back().index != index) break;
    all.push_back(
        {.id = InputId(rows.text(0)), .index = index, .input = {}, .output = rows.text(2)});
    bytes += all.back().output.size();
  }
  return all;
}

std::size_t count_inputs(View& view, const CallId& call) {
  return static_cast<std::size_t>(
      one_number(view.db().query("SELECT COUNT(*) FROM inputs WHERE call = ?", call)));
}

std::int32_t last_index(View& view, const CallId& call) {
  return static_cast<std::int32_t>(
      one_number(view.db().query("SELECT IFNULL(MAX(idx), -1) FROM inputs WHERE call = ?", call)));
}

std::vector<Call> list_unfinished_calls(View& view, const AppId& app) {
  std::vector<Call> all;
  Rows rows = view.db().query(SELECT_CALL " WHERE app = ? AND done_at IS NULL ORDER BY rowid", app);
  while (rows.next()) all.push_back(read_call(rows));
  return all;
}

bool remove_old_calls(Tx& tx, Time results, Time calls, std::size_t most) {
  const auto inputs = tx.db().run(
      "DELETE FROM inputs WHERE call IN (SELECT id FROM calls WHERE done_at < ?1"
      " AND EXISTS (SELECT 1 FROM inputs WHERE call = calls.id) LIMIT ?2)",
      results, most);
  const auto whole =
      tx.db().run("DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE done_at < ? LIMIT ?)",
                  calls, most);
  return inputs > 0 || whole > 0;
}

}  // namespace ionian::store
