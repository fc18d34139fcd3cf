#pragma once
// History counted: what a range of time was made of.
#include <google/protobuf/map.h>

#include "modal_proto/function.pb.h"
#include "services/history_reader.h"

namespace ionian::services {

struct PastCounts {
  Span span;  // that was counted
  // Inputs that were done in it; one that its caller cancelled is in `cancelled` alone.
  std::uint64_t succeeded = 0, failed = 0, timed_out = 0, cancelled = 0;
  std::uint64_t running = 0;     // at its end
  std::uint64_t containers = 0;  // that were there in it
  std::uint64_t containers_started = 0, container_errors = 0;
  std::uint64_t containers_starting = 0;            // at its end
  std::vector<double> execution, latency, startup;  // seconds

  std::uint64_t done() const { return succeeded + failed + timed_out; }
};

inline double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// An input that is done: what became of it, and how long it took.
void count_done(PastCounts& counts, const store::FinishedInput& input);
// A container that became ready.
void count_ready(PastCounts& counts, Time created, Time ready);

// As much of the span as there are records of.
Span clamp(const Past& past, const Span& span);

// Of these functions; of one container, if it is not empty.
PastCounts count_past(const Past& past, const std::vector<FunctionId>& functions, const Span& span,
                      const TaskId& container);

// The nearest rank: a value that was there. The values need not be sorted; nullopt of none.
std::optional<double> percentile(std::vector<double>& values, double percent);

using Distributions =
    google::protobuf::Map<std::string, modal::client::StatsPercentileDistribution>;
// The 50th, 90th, 95th and 99th; nothing of no values.
void put_percentiles(Distributions& into, const std::string& name, std::vector<double> values);

}  // namespace ionian::services
