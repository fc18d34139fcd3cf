#include "services/log_history.h"

#include <deque>

#include "services/apps.h"
#include "services/log_filter.h"
#include "services/log_lines.h"

namespace ionian::services {
namespace {

using modal::client::TaskLogs;
using modal::client::TaskLogsBatch;

constexpr std::size_t kBytesAStep = 4 << 20;
constexpr std::size_t kReplyBytes = 64 << 20;
constexpr std::int64_t kLimitMax = 20'000;
constexpr double kRangeMax = 35 * 86'400.0 + 1;

double seconds(const google::protobuf::Timestamp& t) {
  return static_cast<double>(t.seconds()) + t.nanos() / 1e9;
}

template <class Request>
Result<void> check_range(const Request& r) {
  const double length = seconds(r.until()) - seconds(r.since());
  if (length < 0) return fail(Code::kInvalidArgument, "the range of logs ends before it begins");
  if (length > kRangeMax)
    return fail(Code::kInvalidArgument,
                "a range of logs is at most 35 days long; ask for it in parts");
  return {};
}

template <class Request>
bool wanted(const Request& r, const TaskLogs& item) {
  return item.timestamp() >= seconds(r.since()) && item.timestamp() <= seconds(r.until()) &&
         (r.function_call_id().empty() || r.function_call_id() == item.function_call_id()) &&
         (r.source() == 0 || r.source() == item.file_descriptor());
}

// Where a call is in its log, between its steps. An entry is a line, in however many pieces it
// came.
struct Position {
  bool admitted = false;
  std::string cursor;
  LogLines lines;
};

// One step through the log; true when its end is reached, false when the call shall come again.
template <class Request, class Take>
Result<bool> step(const Context& c, rpc::Call& call, const Request& request, logs::LogStore& logs,
                  Position& at, Take take) {
  if (!at.admitted) {
    TRY(check_range(request));
    TRY(c.store.read([&](store::View& view) -> Result<void> {
      TRY(app_of(c, view, call, request.app_id()));
      return {};
    }));
    at.admitted = true;
  }
  const auto take_found = [&](TaskLogsBatch line) {
    const TaskLogs& item = line.items(0);
    if (wanted(request, item) && item.data().find(request.search_text()) != std::string::npos)
      take(std::move(line));
  };
  const std::vector<TaskLogsBatch> batches = logs.read(request.app_id(), at.cursor, kBytesAStep);
  if (batches.empty()) {
    at.lines.finish(take_found);
    return true;
  }
  for (const TaskLogsBatch& batch : batches) {
    if (!comes_from_wanted(request, batch)) continue;
    for (const TaskLogs& item : batch.items()) at.lines.add(batch, item, take_found);
  }
  const std::string key = cat("log step:", request.app_id());
  call.watch(key);
  c.log_loop.post([&c, key] { c.log_loop.notify(key); });
  return false;
}

struct Fetching : Position {
  std::deque<std::pair<TaskLogsBatch, std::size_t>> newest;  // one item each, with its size
  std::size_t bytes = 0;
};

struct Counting : Position {
  std::map<std::int64_t, modal::client::AppCountLogsResponse::LogBucket> buckets;
};

}  // namespace

void LogHistory::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppFetchLogs", &LogHistory::fetch, rpc::Access::kView);
  on("AppCountLogs", &LogHistory::count, rpc::Access::kView);
}

std::optional<Result<modal::client::AppFetchLogsResponse>> LogHistory::fetch(
    rpc::Call& call, const modal::client::AppFetchLogsRequest& request, logs::LogStore& logs) {
  Fetching& state = call.state<Fetching>();
  const std::int64_t limit =
      request.limit() > 0 ? std::min<std::int64_t>(request.limit(), kLimitMax) : kLimitMax;
  const auto take = [&](TaskLogsBatch line) {
    const std::size_t size = line.items(0).data().size() + 200;
    state.newest.emplace_back(std::move(line), size);
    state.bytes += size;
    while (state.newest.size() > static_cast<std::size_t>(limit) || state.bytes > kReplyBytes) {
      state.bytes -= state.newest.front().second;
      state.newest.pop_front();
    }
  };
  const Result<bool> over = step(c_, call, request, logs, state, take);
  if (!over) return std::unexpected(over.error());
  if (!*over) return std::nullopt;
  modal::client::AppFetchLogsResponse reply;
  for (auto& [batch, size] : state.newest) *reply.add_batches() = std::move(batch);
  return reply;
}

std::optional<Result<modal::client::AppCountLogsResponse>> LogHistory::count(
    rpc::Call& call, const modal::client::AppCountLogsRequest& request, logs::LogStore& logs) {
  Counting& state = call.state<Counting>();
  const std::int64_t width = std::max<std::int64_t>(1, request.bucket_secs());
  const auto take = [&](const TaskLogsBatch& line) {
    const TaskLogs& item = line.items(0);
    const auto start = static_cast<std::int64_t>(item.timestamp()) / width * width;
    auto& bucket = state.buckets[start];
    bucket.mutable_bucket_start_at()->set_seconds(start);
    if (item.file_descriptor() == modal::client::FILE_DESCRIPTOR_STDOUT)
      bucket.set_stdout_logs(bucket.stdout_logs() + 1);
    else if (item.file_descriptor() == modal::client::FILE_DESCRIPTOR_STDERR)
      bucket.set_stderr_logs(bucket.stderr_logs() + 1);
    else
      bucket.set_system_logs(bucket.system_logs() + 1);
  };
  const Result<bool> over = step(c_, call, request, logs, state, take);
  if (!over) return std::unexpected(over.error());
  if (!*over) return std::nullopt;
  modal::client::AppCountLogsResponse reply;
  reply.set_app_id(request.app_id());
  for (auto& [start, bucket] : state.buckets) *reply.add_buckets() = std::move(bucket);
  return reply;
}

}  // namespace ionian::services
