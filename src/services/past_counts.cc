#include "services/past_counts.h"

#include <algorithm>
#include <cmath>

namespace ionian::services {
namespace {

bool is_of(const TaskId& container, const TaskId& task) {
  return container.empty() || container == task;
}

void count_outcome(PastCounts& counts, int outcome) {
  switch (static_cast<core::Outcome>(outcome)) {
    case core::Outcome::kSuccess:
      ++counts.succeeded;
      return;
    case core::Outcome::kTimeout:
      ++counts.timed_out;
      return;
    case core::Outcome::kTerminated:
      ++counts.cancelled;
      return;
    default:
      ++counts.failed;
  }
}

void count_input(PastCounts& counts, const store::FinishedInput& input) {
  const Span& span = counts.span;
  if (input.done >= span.until) {
    if (input.started && *input.started < span.until) ++counts.running;
    return;
  }
  count_done(counts, input);
}

void count_container(PastCounts& counts, Time created, std::optional<Time> ready,
                     std::optional<Time> ended, bool failed) {
  const Span& span = counts.span;
  if (created >= span.until) return;
  ++counts.containers;
  if (ready && span.has(*ready)) count_ready(counts, created, *ready);
  const bool there_at_end = !ended || *ended >= span.until;
  if (!there_at_end && failed) ++counts.container_errors;
  if (there_at_end && (!ready || *ready >= span.until)) ++counts.containers_starting;
}

}  // namespace

void count_done(PastCounts& counts, const store::FinishedInput& input) {
  count_outcome(counts, input.outcome);
  if (input.started) counts.execution.push_back(in_seconds(input.done - *input.started));
  counts.latency.push_back(in_seconds(input.done - input.enqueued));
}

void count_ready(PastCounts& counts, Time created, Time ready) {
  ++counts.containers_started;
  counts.startup.push_back(in_seconds(ready - created));
}

Span clamp(const Past& past, const Span& span) {
  const Time until = std::min(span.until, past.now);
  return {.since = std::min(std::max(span.since, past.whole_since), until), .until = until};
}

PastCounts count_past(const Past& past, const std::vector<FunctionId>& functions, const Span& span,
                      const TaskId& container) {
  PastCounts counts;
  counts.span = clamp(past, span);
  for (const FunctionId& id : functions) {
    const store::HistoryRange range = past.range(id, counts.span);
    store::list_inputs_by_end(past.view, range, [&](const store::FinishedInput& input) {
      if (is_of(container, input.task)) count_input(counts, input);
    });
    store::list_containers_by_end(past.view, range, [&](const store::EndedContainer& each) {
      if (is_of(container, each.task))
        count_container(counts, each.created, each.ready, each.ended, each.failed);
    });
    for (const LiveInput& input : past.inputs)
      if (input.function == id && input.started && *input.started < counts.span.until &&
          is_of(container, input.task))
        ++counts.running;
    for (const LiveTask& task : past.tasks)
      if (task.function == id && is_of(container, task.id))
        count_container(counts, task.created, task.ready, {}, /*failed=*/false);
  }
  return counts;
}

std::optional<double> percentile(std::vector<double>& values, double percent) {
  if (values.empty()) return std::nullopt;
  const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::ranges::nth_element(values, at);
  return *at;
}

void put_percentiles(Distributions& into, const std::string& name, std::vector<double> values) {
  if (values.empty()) return;
  modal::client::StatsPercentileDistribution& distribution = into[name];
  distribution.set_unit("s");
  for (const std::uint32_t points : {5000u, 9000u, 9500u, 9900u}) {
    auto& each = *distribution.add_percentiles();
    each.set_percentile_basis_points(points);
    each.set_value(*percentile(values, points / 100.0));
  }
}

}  // namespace ionian::services
