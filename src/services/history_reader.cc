#include "services/history_reader.h"

#include <future>
#include <ranges>

#include "services/apps.h"
#include "store/apps.h"
#include "store/variants.h"

namespace ionian::services {
namespace {

// The core does nothing else while it is asked for its unfinished inputs.
constexpr std::size_t kStepsMax = 300'000;

LiveInput live_of(const core::Input& input) {
  LiveInput live{.function = input.function,
                 .call = input.call,
                 .task = input.task,
                 .method = input.method,
                 .running = input.state == core::InputState::kRunning ||
                            input.state == core::InputState::kDone,
                 .created = input.created,
                 .started = {}};
  if (live.running) live.started = input.started;
  return live;
}

std::vector<LiveInput> running_of(const core::Core& core,
                                  const std::vector<FunctionId>& functions) {
  std::vector<LiveInput> live;
  for (const FunctionId& id : functions)
    if (const core::Function* f = core.function(id))
      for (const TaskId& task : f->tasks)
        for (const InputId& input : core.task(task)->running)
          live.push_back(live_of(*core.input(input)));
  return live;
}

// Calls are named in the order of their making, so the newest come first. A result that is on its
// way to the disk counts as running still.
Result<std::vector<LiveInput>> unfinished_of(const core::Core& core,
                                             const std::vector<FunctionId>& functions,
                                             std::size_t newest) {
  const std::set<FunctionId> wanted(functions.begin(), functions.end());
  std::set<AppId> apps;
  for (const FunctionId& id : functions)
    if (const core::Function* f = core.function(id)) apps.insert(f->config.app);
  std::vector<LiveInput> live;
  std::size_t steps = 0;
  for (const AppId& app : apps) {
    for (const CallId& id : core.app(app)->calls | std::views::reverse) {
      if (++steps > kStepsMax || live.size() >= newest) break;
      const core::Call& call = *core.call(id);
      if (!wanted.contains(call.function) || call.published == call.arrived()) continue;
      for (const InputId& each : call.inputs | std::views::reverse) {
        if (++steps > kStepsMax || live.size() >= newest) break;
        if (const core::Input& input = *core.input(each); !input.kept)
          live.push_back(live_of(input));
      }
    }
  }
  if (steps > kStepsMax)
    return fail(Code::kResourceExhausted, "more than ", kStepsMax,
                " inputs are not done or were done just now, too many to look through; ask for the "
                "newest (--tail), or again when fewer wait");
  return live;
}

std::vector<LiveTask> tasks_of(const core::Core& core, const std::vector<FunctionId>& functions) {
  std::vector<LiveTask> live;
  for (const FunctionId& id : functions) {
    const core::Function* f = core.function(id);
    if (!f) continue;
    for (const TaskId& each : f->tasks) {
      const core::Task& task = *core.task(each);
      live.push_back({.function = id, .id = each, .created = task.created, .ready = {}});
      if (task.ready != Time{}) live.back().ready = task.ready;
    }
  }
  return live;
}

}  // namespace

Time time_of(const google::protobuf::Timestamp& t) {
  return Time{std::chrono::seconds{t.seconds()} + std::chrono::nanoseconds{t.nanos()}};
}

void put_time(google::protobuf::Timestamp& into, Time t) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(t);
  into.set_seconds(whole.time_since_epoch().count());
  into.set_nanos(static_cast<std::int32_t>((t - whole).count()));
}

Result<Span> span_of(const google::protobuf::Timestamp& since,
                     const google::protobuf::Timestamp& until, Duration longest) {
  constexpr std::int64_t kSecondsMax = 9'000'000'000;  // what a Time holds
  for (const auto* t : {&since, &until})
    if (t->seconds() < 0 || t->seconds() > kSecondsMax)
      return fail(Code::kInvalidArgument,
                  "the range of time has a bound before 1970 or after 2255");
  const Span span{.since = time_of(since), .until = time_of(until)};
  if (span.since >= span.until)
    return fail(Code::kInvalidArgument, "the range of time ends before it begins");
  if (span.until - span.since > longest + 1s)
    return fail(Code::kInvalidArgument, "the range of time is longer than ", longest / 24h,
                " days; ask for less");
  return span;
}

std::vector<FunctionId> with_variants(store::View& view, const FunctionId& id) {
  std::vector<FunctionId> all = {id};
  for (const store::Variant& variant : store::list_variants(view, id)) all.push_back(variant.id);
  return all;
}

Result<std::vector<FunctionId>> HistoryReader::functions_of(rpc::Call& call, const std::string& id,
                                                            bool variants) const {
  return c_.store.read([&](store::View& view) -> Result<std::vector<FunctionId>> {
    const FunctionId asked(id);
    const auto record = store::find_function_or_base(view, call.caller.workspace, asked);
    if (!record || !app_of(c_, view, call, record->app.str()))
      return fail(Code::kNotFound, "function '", id, "' does not exist");
    return variants ? with_variants(view, asked) : std::vector{asked};
  });
}

std::uint32_t HistoryReader::variants_of(store::View& view, const FunctionId& id) const {
  return static_cast<std::uint32_t>(store::list_variants(view, id).size());
}

Result<void> HistoryReader::read(rpc::Call& call, core::Core& core,
                                 std::vector<FunctionId> functions, Live live,
                                 std::function<void(Status)> failed,
                                 std::function<void(const Past&)> build) {
  std::vector<LiveInput> inputs;
  if (live.running_only) {
    inputs = running_of(core, functions);
  } else {
    ASSIGN_OR_RETURN(inputs, unfinished_of(core, functions, live.newest));
  }
  std::vector<LiveTask> tasks = tasks_of(core, functions);
  const std::string key = cat("history:", ++questions_, ':', call.method);
  call.watch(key);
  const auto wake = [this, key] { c_.core_loop.post([this, key] { c_.core_loop.notify(key); }); };
  // The writer may be done before `end` is known here: the reader waits for it.
  auto end = std::make_shared<std::promise<store::HistoryEnd>>();
  const auto then = [this, functions = std::move(functions), inputs = std::move(inputs),
                     tasks = std::move(tasks), failed = std::move(failed), build = std::move(build),
                     wake, end, now = call.now](Result<void> written) {
    if (!written) {
      failed(written.error());
      return wake();
    }
    c_.store.read_later([=](store::View& view) {
      build({.view = view,
             .functions = functions,
             .end = end->get_future().get(),
             .whole_since = store::history_start(view, {}, now),
             .now = now,
             .inputs = inputs,
             .tasks = tasks});
      wake();
    });
  };
  end->set_value(history_.flush(then));
  return {};
}

}  // namespace ionian::services
