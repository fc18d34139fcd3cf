#include "services/app_logs.h"

#include <algorithm>

#include "services/apps.h"
#include "services/log_filter.h"
#include "store/apps.h"

namespace ionian::services {
namespace {

constexpr std::size_t kBytesAStep = 1 << 20;

struct Reading {
  bool admitted = false;
  bool stopped_before =
      false;  // by a former life of the server, which the log store does not remember
  std::string cursor;
};

bool wanted(const modal::client::AppGetLogsRequest& r, const modal::client::TaskLogs& item) {
  return (r.function_call_id().empty() || r.function_call_id() == item.function_call_id()) &&
         (r.input_id().empty() || r.input_id() == item.input_id()) &&
         (r.file_descriptor() == 0 || r.file_descriptor() == item.file_descriptor()) &&
         (r.search_text().empty() || item.data().find(r.search_text()) != std::string::npos);
}

// Who follows the log may type there, until its container has ended.
bool is_open_terminal(const Context& c, const modal::client::TaskLogsBatch& b) {
  if (b.pty_exec_id().empty()) return false;
  const worker::Execs::ExecPtr exec = c.execs.find_by_id(b.pty_exec_id());
  return exec && !c.execs.end(*exec);
}

}  // namespace

void AppLogs::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppGetLogs", &AppLogs::get, rpc::Access::kView);
}

std::optional<Status> AppLogs::get(rpc::Call& call, const modal::client::AppGetLogsRequest& request,
                                   logs::LogStore& logs,
                                   rpc::Emit<modal::client::TaskLogsBatch>& emit) {
  Reading& reading = call.state<Reading>();
  if (!reading.admitted) {
    const Result<store::App> app =
        c_.store.read([&](store::View& view) { return app_of(c_, view, call, request.app_id()); });
    if (!app) return app.error();
    reading.admitted = true;
    reading.stopped_before = app->state == modal::client::APP_STATE_STOPPED;
    reading.cursor = request.last_entry_id();
    call.wait_until(call.now + from_seconds(std::clamp<double>(request.timeout(), 0, 300)));
  }
  const bool ended = logs.ended(request.app_id()) || reading.stopped_before;
  for (;;) {
    std::vector<modal::client::TaskLogsBatch> batches =
        logs.read(request.app_id(), reading.cursor, kBytesAStep);
    if (batches.empty()) break;
    for (modal::client::TaskLogsBatch& batch : batches) {
      if (!comes_from_wanted(request, batch)) continue;
      auto* items = batch.mutable_items();
      items->erase(std::remove_if(items->begin(), items->end(),
                                  [&](const auto& item) { return !wanted(request, item); }),
                   items->end());
      if (!items->empty() || is_open_terminal(c_, batch)) emit(std::move(batch));
    }
    // What was emitted goes out first; then this handler is called again.
    if (!emit.empty()) return std::nullopt;
  }
  if (ended) {
    modal::client::TaskLogsBatch last;
    last.set_app_done(true);
    last.set_entry_id(reading.cursor);
    emit(std::move(last));
    return Status::ok_status();
  }
  if (call.timed_out) return Status::ok_status();
  call.watch(logs::LogStore::key(request.app_id()));
  return std::nullopt;
}

}  // namespace ionian::services
