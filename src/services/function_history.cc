#include "services/function_history.h"

#include <algorithm>

#include "services/apps.h"
#include "services/deployments.h"
#include "services/past_counts.h"
#include "store/deployments.h"

namespace ionian::services {
namespace {

using modal::client::FunctionCallInputInfo;

constexpr std::size_t kRowsMax = 20'000;
constexpr std::int64_t kBucketsMax = 20'000;
constexpr Duration kFetchRangeMax = 35 * 24h, kStatsRangeMax = 7 * 24h;

modal::client::FunctionCallInputStatus status_of(int outcome) {
  switch (static_cast<core::Outcome>(outcome)) {
    case core::Outcome::kUnspecified:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_UNSPECIFIED;
    case core::Outcome::kSuccess:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_SUCCESS;
    case core::Outcome::kFailure:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_FAILURE;
    case core::Outcome::kTerminated:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_TERMINATED;
    case core::Outcome::kTimeout:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_TIMEOUT;
    case core::Outcome::kInitFailure:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_INIT_FAILURE;
    case core::Outcome::kInternalFailure:
      return modal::client::FUNCTION_CALL_INPUT_STATUS_INTERNAL_FAILURE;
  }
  return modal::client::FUNCTION_CALL_INPUT_STATUS_UNSPECIFIED;
}

// One line of an answer, with what it is sorted by.
struct Line {
  Time enqueued;
  std::int64_t number;
  FunctionCallInputInfo info;
};

void put_common(FunctionCallInputInfo& info, Time enqueued, const CallId& call, const TaskId& task,
                const std::string& method) {
  put_time(*info.mutable_enqueued_at(), enqueued);
  info.set_function_call_id(call.str());
  if (!task.empty()) info.set_container_id(task.str());
  if (!method.empty()) info.set_service_method_name(method);
}

Line line_of(const store::FinishedInput& input) {
  Line line{.enqueued = input.enqueued, .number = input.number, .info = {}};
  put_common(line.info, input.enqueued, input.call, input.task, input.method);
  if (input.started) {
    put_time(*line.info.mutable_started_at(), *input.started);
    line.info.set_execution_time_seconds(in_seconds(input.done - *input.started));
  }
  if (input.startup) line.info.set_startup_time_seconds(in_seconds(*input.startup));
  line.info.set_status(status_of(input.outcome));
  return line;
}

Line line_of(const LiveInput& input) {
  Line line{.enqueued = input.created, .number = INT64_MAX, .info = {}};
  put_common(line.info, input.created, input.call, input.running ? input.task : TaskId(),
             input.method);
  if (input.started) put_time(*line.info.mutable_started_at(), *input.started);
  line.info.set_status(input.running ? modal::client::FUNCTION_CALL_INPUT_STATUS_RUNNING
                                     : modal::client::FUNCTION_CALL_INPUT_STATUS_PENDING);
  return line;
}

// Of all functions, by arrival, and as many as were asked for.
modal::client::FunctionCallFetchResponse reply_of(std::vector<Line> lines, bool newest_first,
                                                  std::size_t most) {
  const auto before = [](const Line& a, const Line& b) {
    return std::tie(a.enqueued, a.number) < std::tie(b.enqueued, b.number);
  };
  std::ranges::stable_sort(lines, [&](const Line& a, const Line& b) {
    return newest_first ? before(b, a) : before(a, b);
  });
  if (lines.size() > most) lines.resize(most);
  modal::client::FunctionCallFetchResponse reply;
  for (Line& line : lines) *reply.add_function_call_inputs() = std::move(line.info);
  return reply;
}

struct Wish {
  Span span;
  bool newest_first = false;
  std::size_t most = 0;
};

Result<Wish> wish_of(const modal::client::FunctionCallFetchRequest& request, Time now) {
  const auto rows = [](std::size_t asked) { return asked ? std::min(asked, kRowsMax) : kRowsMax; };
  if (request.has_tail())
    return Wish{.span = {.since = {}, .until = now + 1h},
                .newest_first = true,
                .most = rows(request.tail().count())};
  if (!request.has_range())
    return fail(Code::kInvalidArgument, "say which inputs: the last so many, or a range of time");
  ASSIGN_OR_RETURN(const Span span,
                   span_of(request.range().since(), request.range().until(), kFetchRangeMax));
  return Wish{.span = span, .most = rows(request.range().limit())};
}

// Of each function of an app, by its name.
using Names = std::vector<std::pair<std::string, std::vector<FunctionId>>>;

Names names_in(store::View& view, const AppId& app) {
  Names names;
  for (const store::Function& f : store::list_live_functions(view, app))
    names.emplace_back(f.tag, with_variants(view, f.id));
  return names;
}

void add_counts(modal::client::AppFunctionCounts& to, const PastCounts& counts) {
  auto& calls = *to.mutable_calls();
  calls.set_total(calls.total() + counts.done() + counts.running);
  calls.set_succeeded(calls.succeeded() + counts.succeeded);
  calls.set_failed(calls.failed() + counts.failed + counts.timed_out);
  auto& containers = *to.mutable_containers();
  containers.set_container_errors(containers.container_errors() + counts.container_errors);
  containers.set_container_active_count(containers.container_active_count() + counts.containers);
}

}  // namespace

void FunctionHistory::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionCallFetch", &FunctionHistory::fetch, rpc::Access::kView);
  on("FunctionCallCount", &FunctionHistory::count, rpc::Access::kView);
  on("FunctionGetTimeRangeStats", &FunctionHistory::stats, rpc::Access::kView);
  on("AppGetTimeRangeStats", &FunctionHistory::app_stats, rpc::Access::kView);
}

std::optional<Result<modal::client::FunctionCallFetchResponse>> FunctionHistory::fetch(
    rpc::Call& call, const modal::client::FunctionCallFetchRequest& request, core::Core& core) {
  using Reply = modal::client::FunctionCallFetchResponse;
  const Result<Wish> wish = wish_of(request, call.now);
  if (!wish) return std::unexpected(wish.error());
  return reader_.answer<Reply>(
      call, core,
      [&] { return reader_.functions_of(call, request.function_id(), request.all_variants()); },
      wish->newest_first ? HistoryReader::Live{.newest = wish->most} : HistoryReader::Live{},
      [wish = *wish](const Past& past) -> Result<Reply> {
        std::vector<Line> lines;
        for (const LiveInput& input : past.inputs)
          if (wish.span.has(input.created)) lines.push_back(line_of(input));
        const auto list =
            wish.newest_first ? &store::list_newest_inputs : &store::list_inputs_by_arrival;
        for (const FunctionId& id : past.functions)
          list(past.view, past.range(id, wish.span), wish.most,
               [&](store::FinishedInput input) { lines.push_back(line_of(input)); });
        return reply_of(std::move(lines), wish.newest_first, wish.most);
      });
}

std::optional<Result<modal::client::FunctionCallCountResponse>> FunctionHistory::count(
    rpc::Call& call, const modal::client::FunctionCallCountRequest& request, core::Core& core) {
  using Reply = modal::client::FunctionCallCountResponse;
  const Result<Span> span = span_of(request.since(), request.until(), kFetchRangeMax);
  if (!span) return std::unexpected(span.error());
  const std::int64_t width = std::max<std::int64_t>(1, request.bucket_secs());
  if ((span->until - span->since) / 1s / width > kBucketsMax)
    return fail(Code::kInvalidArgument, "bucket_secs ", width, " makes more than ", kBucketsMax,
                " spans of this range; ask for wider ones");
  return reader_.answer<Reply>(
      call, core,
      [&] { return reader_.functions_of(call, request.function_id(), request.all_variants()); }, {},
      [span = *span, width](const Past& past) -> Result<Reply> {
        std::map<std::int64_t, std::int64_t> counts;
        for (const LiveInput& input : past.inputs)
          if (span.has(input.created)) ++counts[input.created.time_since_epoch() / 1s / width];
        for (const FunctionId& id : past.functions)
          store::count_inputs_by_arrival(
              past.view, past.range(id, span), width,
              [&](std::int64_t bucket, std::int64_t count) { counts[bucket] += count; });
        Reply reply;
        if (counts.empty()) return reply;
        for (auto at = counts.begin()->first; at <= counts.rbegin()->first; ++at) {
          auto& bucket = *reply.add_buckets();
          bucket.mutable_bucket_start_at()->set_seconds(at * width);
          const auto found = counts.find(at);
          bucket.set_count(found == counts.end() ? 0 : static_cast<std::uint64_t>(found->second));
        }
        return reply;
      });
}

std::optional<Result<modal::client::FunctionGetTimeRangeStatsResponse>> FunctionHistory::stats(
    rpc::Call& call, const modal::client::FunctionGetTimeRangeStatsRequest& request,
    core::Core& core) {
  using Reply = modal::client::FunctionGetTimeRangeStatsResponse;
  const Result<Span> span = span_of(request.since(), request.until(), kStatsRangeMax);
  if (!span) return std::unexpected(span.error());
  return reader_.answer<Reply>(
      call, core,
      [&] { return reader_.functions_of(call, request.function_id(), request.rollup()); },
      {.running_only = true},
      [this, span = *span, function = FunctionId(request.function_id()),
       container = TaskId(request.container_id())](const Past& past) -> Result<Reply> {
        const PastCounts counts = count_past(past, past.functions, span, container);
        Reply reply;
        put_time(*reply.mutable_since(), counts.span.since);
        put_time(*reply.mutable_until(), counts.span.until);
        reply.set_input_success_count(counts.succeeded);
        reply.set_input_failure_count(counts.failed);
        reply.set_input_timeout_count(counts.timed_out);
        reply.set_input_running_at_end_count(counts.running);
        reply.set_container_started_count(counts.containers_started);
        reply.set_container_error_count(counts.container_errors);
        reply.set_container_creating_at_end_count(counts.containers_starting);
        reply.set_container_total_count(counts.containers);
        reply.set_variant_count(reader_.variants_of(past.view, function));
        auto& inputs = *reply.mutable_input_percentile_stats();
        put_percentiles(inputs, "Execution time (s)", counts.execution);
        put_percentiles(inputs, "End-to-end latency (s)", counts.latency);
        put_percentiles(*reply.mutable_container_percentile_stats(), "Startup time (s)",
                        counts.startup);
        return reply;
      });
}

std::optional<Result<modal::client::AppGetTimeRangeStatsResponse>> FunctionHistory::app_stats(
    rpc::Call& call, const modal::client::AppGetTimeRangeStatsRequest& request, core::Core& core) {
  using Reply = modal::client::AppGetTimeRangeStatsResponse;
  const Result<Span> span = span_of(request.since(), request.until(), kStatsRangeMax);
  if (!span) return std::unexpected(span.error());
  const auto app = std::make_shared<store::App>();
  const auto names = std::make_shared<Names>();
  const auto functions = [&]() -> Result<std::vector<FunctionId>> {
    return c_.store.read([&](store::View& view) -> Result<std::vector<FunctionId>> {
      ASSIGN_OR_RETURN(*app, app_of(c_, view, call, request.app_id()));
      *names = names_in(view, app->id);
      std::vector<FunctionId> all;
      for (const auto& [name, ids] : *names) all.insert(all.end(), ids.begin(), ids.end());
      return all;
    });
  };
  return reader_.answer<Reply>(
      call, core, functions, {.running_only = true},
      [span = *span, app, names](const Past& past) -> Result<Reply> {
        Reply reply;
        auto& group = *reply.mutable_functions();
        (void)group.mutable_total();
        for (const auto& [name, ids] : *names) {
          const PastCounts counts = count_past(past, ids, span, {});
          auto& row = (*group.mutable_by_name())[name];
          row.set_object_id(ids.front().str());
          add_counts(*row.mutable_counts(), counts);
          add_counts(*group.mutable_total(), counts);
        }
        const Span counted = clamp(past, span);
        put_time(*reply.mutable_since(), counted.since);
        put_time(*reply.mutable_until(), counted.until);
        *reply.mutable_lifecycle() = lifecycle_of(past.view, *app);
        const auto deployments = store::list_deployments(past.view, app->id);
        reply.set_deployment_count(static_cast<std::uint64_t>(std::ranges::count_if(
            deployments,
            [&](const store::Deployment& each) { return counted.has(each.deployed_at); })));
        return reply;
      });
}

}  // namespace ionian::services
