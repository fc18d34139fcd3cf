#include "services/function_metrics.h"

#include <algorithm>
#include <array>

#include "services/past_counts.h"

namespace ionian::services {
namespace {

constexpr std::int64_t kBucketsMax = 500, kBucketsWanted = 100;
constexpr Duration kRangeMax = 31 * 24h;
// A range without a wish gets the narrowest of these that makes no more than about a hundred.
constexpr std::array<std::int64_t, 12> kWidths = {60,    120,   300,    600,    900,    1'800,
                                                  3'600, 7'200, 14'400, 21'600, 43'200, 86'400};

using Value = std::optional<double> (*)(PastCounts& counts);

struct Series {
  const char* name;
  const char* unit;
  const char* description;
  Value value;
};
struct Group {
  const char* name;
  const char* description;
  std::vector<Series> series;
};

template <std::uint64_t PastCounts::* Count>
std::optional<double> count_of(PastCounts& counts) {
  return static_cast<double>(counts.*Count);
}
template <std::vector<double> PastCounts::* Values, int Percent>
std::optional<double> percentile_of(PastCounts& counts) {
  return percentile(counts.*Values, Percent);
}

const std::vector<Group>& groups() {
  using P = PastCounts;
  static const std::vector<Group> all = {
      {"calls",
       "Inputs by what became of them, in the bucket of their end.",
       {{"successful_calls_count", "count", "Inputs that succeeded.", count_of<&P::succeeded>},
        {"failed_calls_count", "count", "Inputs that failed.", count_of<&P::failed>},
        {"timed_out_calls_count", "count", "Inputs that ran longer than the function's timeout.",
         count_of<&P::timed_out>},
        {"cancelled_calls_count", "count", "Inputs that were cancelled.",
         count_of<&P::cancelled>}}},
      {"execution_time",
       "How long inputs ran, in the bucket of their end.",
       {{"execution_time_p50", "s", "Half of the inputs ran no longer.",
         percentile_of<&P::execution, 50>},
        {"execution_time_p90", "s", "90 % of the inputs ran no longer.",
         percentile_of<&P::execution, 90>},
        {"execution_time_p99", "s", "99 % of the inputs ran no longer.",
         percentile_of<&P::execution, 99>}}},
      {"latency",
       "How long inputs took from their arrival to their end, in the bucket of their end.",
       {{"end_to_end_latency_p50", "s", "Half of the inputs took no longer.",
         percentile_of<&P::latency, 50>},
        {"end_to_end_latency_p90", "s", "90 % of the inputs took no longer.",
         percentile_of<&P::latency, 90>},
        {"end_to_end_latency_p99", "s", "99 % of the inputs took no longer.",
         percentile_of<&P::latency, 99>}}},
      {"containers",
       "Containers by what became of them, in that bucket.",
       {{"started_containers_count", "count", "Containers that became ready.",
         count_of<&P::containers_started>},
        {"failed_containers_count", "count", "Containers that an error ended.",
         count_of<&P::container_errors>},
        {"startup_time_p50", "s", "Half of the containers were ready no later.",
         percentile_of<&P::startup, 50>}}},
  };
  return all;
}

template <class Message>
void describe(Message& message, const Series& series) {
  message.set_name(series.name);
  message.set_unit(series.unit);
  message.set_description(series.description);
}

// The groups of these names; all, if none is named.
template <class Names>
Result<std::vector<const Group*>> named(const Names& names) {
  std::vector<const Group*> chosen;
  for (const Group& group : groups())
    if (names.empty() || std::ranges::find(names, group.name) != names.end())
      chosen.push_back(&group);
  for (const std::string& name : names)
    if (std::ranges::none_of(groups(), [&](const Group& g) { return name == g.name; }))
      return fail(Code::kInvalidArgument, "there is no group of metrics '", name,
                  "'; there are calls, execution_time, latency and containers");
  return chosen;
}

// A range of time in buckets, whose bounds are multiples of their width.
struct Buckets {
  std::int64_t width = 0, first = 0, count = 0;  // seconds; in widths since 1970
  Time at(std::int64_t n) const { return Time{std::chrono::seconds{(first + n) * width}}; }
  Span span() const { return {.since = at(0), .until = at(count)}; }
};

std::int64_t width_for(Duration length) {
  for (const std::int64_t width : kWidths)
    if (length / std::chrono::seconds{width} <= kBucketsWanted) return width;
  return kWidths.back();
}

template <class Request>
Result<Buckets> buckets_of(const Request& request) {
  ASSIGN_OR_RETURN(const Span span, span_of(request.since(), request.until(), kRangeMax));
  const std::int64_t width =
      request.has_bucket_secs() ? request.bucket_secs() : width_for(span.until - span.since);
  if (width < 60)
    return fail(Code::kInvalidArgument, "bucket_secs is ", width, "; a bucket is at least 60 s");
  const auto bucket = [&](Time t) { return t.time_since_epoch() / 1s / width; };
  const Buckets buckets{.width = width,
                        .first = bucket(span.since),
                        .count = bucket(span.until) - bucket(span.since)};
  if (buckets.count > kBucketsMax)
    return fail(Code::kInvalidArgument, "bucket_secs ", width, " makes ", buckets.count,
                " points of this range, and a series has at most ", kBucketsMax,
                "; ask for wider ones");
  return buckets;
}

// Every record falls into the bucket of its end.
std::vector<PastCounts> count_buckets(const Past& past, const Buckets& buckets) {
  std::vector<PastCounts> counts(static_cast<std::size_t>(buckets.count));
  const Span all = buckets.span();
  const auto of = [&](Time t) -> PastCounts* {
    if (!all.has(t)) return nullptr;
    return &counts[static_cast<std::size_t>(t.time_since_epoch() / 1s / buckets.width -
                                            buckets.first)];
  };
  const auto ready = [&](Time created, std::optional<Time> at) {
    if (PastCounts* bucket = at ? of(*at) : nullptr) count_ready(*bucket, created, *at);
  };
  for (const FunctionId& id : past.functions) {
    const store::HistoryRange range = past.range(id, all);
    store::list_inputs_by_end(past.view, range, [&](const store::FinishedInput& input) {
      if (PastCounts* bucket = of(input.done)) count_done(*bucket, input);
    });
    store::list_containers_by_end(past.view, range, [&](const store::EndedContainer& each) {
      ready(each.created, each.ready);
      if (PastCounts* bucket = each.failed ? of(each.ended) : nullptr) ++bucket->container_errors;
    });
  }
  for (const LiveTask& task : past.tasks) ready(task.created, task.ready);
  return counts;
}

}  // namespace

void FunctionMetrics::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("MetricsGetInfo", &FunctionMetrics::info, rpc::Access::kView);
  on("FunctionGetMetrics", &FunctionMetrics::series, rpc::Access::kView);
}

Result<modal::client::MetricsGetInfoResponse> FunctionMetrics::info(
    rpc::Call&, const modal::client::MetricsGetInfoRequest& request) {
  if (request.target_type() == modal::client::MetricsGetInfoRequest::METRICS_TARGET_TYPE_SERVER)
    return fail(Code::kUnimplemented, "metrics of servers (@app.server) are not there yet");
  ASSIGN_OR_RETURN(const Buckets buckets, buckets_of(request));
  ASSIGN_OR_RETURN(const std::vector<const Group*> chosen, named(request.groups()));
  modal::client::MetricsGetInfoResponse reply;
  for (const Group* group : chosen) {
    auto& definition = *reply.add_groups();
    definition.set_name(group->name);
    definition.set_description(group->description);
    for (const Series& series : group->series) {
      describe(*definition.add_metrics(), series);
    }
  }
  reply.set_bucket_secs(static_cast<std::uint32_t>(buckets.width));
  reply.set_bucket_count(static_cast<std::uint32_t>(buckets.count));
  return reply;
}

std::optional<Result<modal::client::FunctionGetMetricsResponse>> FunctionMetrics::series(
    rpc::Call& call, const modal::client::FunctionGetMetricsRequest& request, core::Core& core) {
  using Reply = modal::client::FunctionGetMetricsResponse;
  const Result<Buckets> buckets = buckets_of(request);
  if (!buckets) return std::unexpected(buckets.error());
  const Result<std::vector<const Group*>> chosen = named(request.groups());
  if (!chosen) return std::unexpected(chosen.error());
  return reader_.answer<Reply>(
      call, core,
      [&] { return reader_.functions_of(call, request.function_id(), request.rollup()); },
      {.running_only = true},
      [buckets = *buckets, chosen = *chosen](const Past& past) -> Result<Reply> {
        std::vector<PastCounts> counts = count_buckets(past, buckets);
        Reply reply;
        put_time(*reply.mutable_since(), buckets.span().since);
        put_time(*reply.mutable_until(), buckets.span().until);
        reply.set_bucket_secs(static_cast<std::uint32_t>(buckets.width));
        for (const Group* group : chosen) {
          for (const Series& from : group->series) {
            auto& series = *reply.add_series();
            describe(series, from);
            for (std::int64_t n = 0; n < buckets.count; ++n) {
              auto& point = *series.add_points();
              put_time(*point.mutable_timestamp(), buckets.at(n));
              if (buckets.at(n) < past.whole_since || buckets.at(n) >= past.now) continue;
              if (const auto value = from.value(counts[static_cast<std::size_t>(n)]))
                point.set_value(*value);
            }
          }
        }
        return reply;
      });
}

}  // namespace ionian::services
