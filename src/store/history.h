#pragma once
// What became of inputs and containers, for statistics: records that nobody waits for. They are
// kept for a week, those of containers as long as logs, and so many of each at most; the oldest go
// first.
#include <functional>
#include <vector>

#include "store/store.h"

namespace ionian::store {

struct FinishedInput {
  std::int64_t number = 0;  // by order of end
  FunctionId function;      // or a variant of one
  CallId call;
  TaskId task;         // that ran it last; empty = none did
  std::string method;  // of a class
  int outcome = 0;     // modal.client.GenericResult.GenericStatus
  Time enqueued;
  std::optional<Time> started;
  std::optional<Duration> startup;  // of its container, if the input waited for that
  Time done;
};

struct EndedContainer {
  std::int64_t number = 0;  // by order of end
  FunctionId function;
  TaskId task;
  Time created;
  std::optional<Time> ready;
  Time ended;
  bool failed = false;  // by an error of its own
};

// Up to which records a reader looks: what is written later is not there for it.
struct HistoryEnd {
  std::int64_t inputs = 0, containers = 0;
};

struct HistoryLimits {
  Duration age = 7 * 24h;
  Duration containers_age = 35 * 24h;  // as long as logs, whose readers ask by containers
  std::int64_t inputs = 500'000, containers = 100'000;
};

void insert_finished_input(Tx& tx, const FinishedInput& input);
void insert_ended_container(Tx& tx, const EndedContainer& container);
// One that lives: its function, and since when it is there and ready, for the case that it ends
// with the server and nobody else can tell.
struct LiveContainer {
  TaskId task;
  FunctionId function;
  Time created;
  std::optional<Time> ready;
};
void put_live_container(Tx& tx, const LiveContainer& container);
// Those of a former life of the server have ended.
void end_live_containers(Tx& tx, Time now);
HistoryEnd history_end(View& view);
// Removes what is too old or too much, at most so many records of each.
void trim_history(Tx& tx, const HistoryLimits& limits, Time now, std::size_t most);
// Since when the history is whole: the age's limit, or later where records had to go before.
Time history_start(View& view, const HistoryLimits& limits, Time now);

// Of one function, those that came at `since` or later and before `until`.
struct HistoryRange {
  FunctionId function;
  Time since, until;
  HistoryEnd end;
};
using TakeInput = std::function<void(FinishedInput)>;
using TakeContainer = std::function<void(EndedContainer)>;
// By arrival, the oldest first; at most so many.
void list_inputs_by_arrival(View& view, const HistoryRange& range, std::size_t most,
                            const TakeInput& take);
// The newest first; at most so many.
void list_newest_inputs(View& view, const HistoryRange& range, std::size_t most,
                        const TakeInput& take);
// How many came, by the second (divided by `width`) of their arrival.
void count_inputs_by_arrival(View& view, const HistoryRange& range, std::int64_t width_seconds,
                             const std::function<void(std::int64_t bucket, std::int64_t)>& take);
// Those that were done at `since` or later; also those that came after `until`.
void list_inputs_by_end(View& view, const HistoryRange& range, const TakeInput& take);
// Those that ended at `since` or later; also those that were made after `until`.
void list_containers_by_end(View& view, const HistoryRange& range, const TakeContainer& take);
std::optional<EndedContainer> find_ended_container(View& view, const TaskId& task);

}  // namespace ionian::store
