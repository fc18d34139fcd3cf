#include "services/app_logs.h"

#include <algorithm>

#include "services/apps.h"
#include "services/log_filter.h"
#include "services/task_records.h"
#include "store/apps.h"

namespace ionian::services {
namespace {

constexpr std::size_t kBytesAStep = 1 << 20;

// A container as the core knows it, once that was asked.
struct Asked {
  bool answered = false;
  std::optional<TaskRecord> task;
};

struct Reading {
  bool admitted = false;
  std::shared_ptr<Asked> asked;  // of a request that names a container and no app
  std::string app;
  bool over = false;  // an app that a former life of the server has stopped, which the log store
                      // does not remember; or a container that has ended
  std::string cursor;
};

// The last that a container's log says.
bool ends(const modal::client::TaskLogsBatch& b) {
  return std::ranges::any_of(b.items(), [](const modal::client::TaskLogs& item) {
    return item.task_state() == modal::client::TASK_STATE_COMPLETED;
  });
}

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

Duration waits(const modal::client::AppGetLogsRequest& request) {
  return from_seconds(std::clamp<double>(request.timeout(), 0, 300));
}

std::string container_key(const TaskId& id) { return cat("container:", id); }

// Which app's log it is and whether it may be read; nothing while the core is asked.
std::optional<Result<void>> admit(const Context& c, rpc::Call& call,
                                  const modal::client::AppGetLogsRequest& request,
                                  Reading& reading) {
  reading.app = request.app_id();
  if (!reading.app.empty() || request.task_id().empty()) {
    const Result<store::App> app =
        c.store.read([&](store::View& view) { return app_of(c, view, call, reading.app); });
    if (!app) return std::unexpected(app.error());
    reading.over = app->state == modal::client::APP_STATE_STOPPED;
    return Result<void>();
  }
  const TaskId id(request.task_id());
  if (!reading.asked) {
    reading.asked = std::make_shared<Asked>();
    c.core_loop.post([&c, id, asked = reading.asked] {
      c.log_loop.post([&c, id, asked, task = recent_task(c.core, id)] {
        *asked = {.answered = true, .task = task};
        c.log_loop.notify(container_key(id));
      });
    });
  }
  if (!reading.asked->answered) {
    if (call.timed_out)
      return fail(Code::kUnavailable, "the server is too busy to look for container ", id,
                  "; ask again");
    call.wait_until(call.now + std::max<Duration>(5s, waits(request)));
    call.watch(container_key(id));
    return std::nullopt;
  }
  const Result<TaskRecord> task = task_of(c, call, id, reading.asked->task);
  if (!task) return std::unexpected(task.error());
  reading.app = task->app.str();
  reading.over = task->ended.has_value();
  return Result<void>();
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
    const std::optional<Result<void>> admitted = admit(c_, call, request, reading);
    if (!admitted) return std::nullopt;
    if (!*admitted) return admitted->error();
    reading.admitted = true;
    reading.cursor = request.last_entry_id();
    call.wait_until(call.now + waits(request));
  }
  const bool ended = reading.over || logs.ended(reading.app);
  for (;;) {
    std::vector<modal::client::TaskLogsBatch> batches =
        logs.read(reading.app, reading.cursor, kBytesAStep);
    if (batches.empty()) break;
    for (modal::client::TaskLogsBatch& batch : batches) {
      if (!comes_from_wanted(request, batch)) continue;
      if (reading.asked && ends(batch)) reading.over = true;
      auto* items = batch.mutable_items();
      items->erase(std::remove_if(items->begin(), items->end(),
                                  [&](const auto& item) { return !wanted(request, item); }),
                   items->end());
      if (!items->empty() || is_open_terminal(c_, batch)) emit(std::move(batch));
    }
    // What was emitted goes out first; then this handler is called again.
    if (!emit.empty()) return std::nullopt;
  }
  if (ended || reading.over) {
    modal::client::TaskLogsBatch last;
    last.set_app_done(true);
    last.set_entry_id(reading.cursor);
    emit(std::move(last));
    return Status::ok_status();
  }
  if (call.timed_out) return Status::ok_status();
  call.watch(logs::LogStore::key(reading.app));
  return std::nullopt;
}

}  // namespace ionian::services
