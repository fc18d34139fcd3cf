#include "services/function_builder.h"

#include <condition_variable>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "images/upper_bound.h"
#include "modal_proto/function.pb.h"

namespace ionian::services {
namespace {

// What a container reports comes at once; flags and states that nobody tells of are looked at that
// often.
constexpr auto kLook = 200ms;

struct InputState {
  bool done = false;
  TaskId task;
  core::Result result;
};

// One run of a builder function: a call of one input, and the containers that work on it.
class Run final : public TaskWatcher, public std::enable_shared_from_this<Run> {
 public:
  Run(Context& c, Tasks& tasks, const BuilderDisk& disk, const FunctionBuild& build,
      images::BuildLog& log)
      : c_(c), tasks_(tasks), disk_(disk), build_(build), log_(log) {}

  // The end of the container that ran the function to success.
  Result<worker::TaskEnd> run(const std::atomic<bool>& cancelled);

  void output(int fd, std::string_view text) override { log_.write(fd, text); }
  void started(const TaskId& id) override {
    std::lock_guard lock(mutex_);
    living_.emplace(id, images::UpperBound(disk_.folder_of(id), disk_.bytes));
  }
  void ended(const TaskId& id, const worker::TaskEnd& end) override {
    std::lock_guard lock(mutex_);
    living_.erase(id);
    ends_[id] = end;
    changed_.notify_all();
  }

 private:
  Result<void> start_call(const std::atomic<bool>& cancelled);
  Result<worker::TaskEnd> wait(const std::atomic<bool>& cancelled);
  std::optional<InputState> look(const std::atomic<bool>& cancelled);
  std::optional<worker::TaskEnd> end_of(const TaskId& id);
  Result<void> check_disk();
  void clear_up();
  // Has the core's thread do something and waits for it. False: the build was cancelled first.
  bool in_core(const std::function<void()>& work, const std::atomic<bool>& cancelled);

  Context& c_;
  Tasks& tasks_;
  const BuilderDisk& disk_;
  const FunctionBuild& build_;
  images::BuildLog& log_;
  CallId call_;
  InputId input_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<TaskId, images::UpperBound> living_;  // guarded by mutex_
  std::map<TaskId, worker::TaskEnd> ends_;       // guarded by mutex_
};

bool Run::in_core(const std::function<void()>& work, const std::atomic<bool>& cancelled) {
  struct Asked {
    std::mutex mutex;
    std::condition_variable answered;
    bool done = false, given_up = false;
  };
  auto asked = std::make_shared<Asked>();
  // `work` writes to the waiting function's variables, so it must not run after that has gone.
  c_.core_loop.post([asked, &work] {
    std::lock_guard lock(asked->mutex);
    if (!asked->given_up) work();
    asked->done = true;
    asked->answered.notify_all();
  });
  std::unique_lock lock(asked->mutex);
  while (!asked->answered.wait_for(lock, kLook, [&] { return asked->done; }))
    if (cancelled) {
      asked->given_up = true;
      return false;
    }
  return true;
}

Result<void> Run::start_call(const std::atomic<bool>& cancelled) {
  Result<void> started;
  const auto start = [&]() -> Result<void> {
    const Time now = c_.clock.now();
    core::NewCall call{
        .function = build_.function, .workspace = build_.workspace, .parent_input = {}};
    call.invocation_type = modal::client::FUNCTION_CALL_INVOCATION_TYPE_SYNC;
    ASSIGN_OR_RETURN(call_, c_.core.start_call(now, call));
    std::vector<core::NewInput> inputs(1);
    inputs[0].payload = build_.input;
    const auto ids = c_.core.put_inputs(now, call_, std::move(inputs));
    if (!ids) {
      c_.core.cancel_empty_call(call_);
      return std::unexpected(ids.error());
    }
    input_ = ids->at(0);
    return {};
  };
  if (!in_core([&] { started = start(); }, cancelled))
    return fail(Code::kCancelled, "the build was cancelled");
  return started;
}

std::optional<InputState> Run::look(const std::atomic<bool>& cancelled) {
  InputState seen;
  const auto read = [&] {
    const core::Input* input = c_.core.input(input_);
    // A stopped app is forgotten after a while.
    if (!input)
      seen = {.done = true, .result = core::server_result(core::Outcome::kTerminated, "")};
    else if (input->state == core::InputState::kDone)
      seen = {.done = true, .task = input->task, .result = input->result};
  };
  if (!in_core(read, cancelled)) return std::nullopt;
  return seen;
}

std::optional<worker::TaskEnd> Run::end_of(const TaskId& id) {
  std::lock_guard lock(mutex_);
  const auto it = ends_.find(id);
  return it == ends_.end() ? std::nullopt : std::optional(it->second);
}

Result<void> Run::check_disk() {
  std::lock_guard lock(mutex_);
  for (auto& [id, bound] : living_)
    if (Result<void> allowed = bound.check(); !allowed)
      return prepend("the function that builds the image", allowed.error());
  return {};
}

Result<worker::TaskEnd> Run::wait(const std::atomic<bool>& cancelled) {
  for (std::size_t known = 0;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLook, [&] { return ends_.size() > known; });
      known = ends_.size();
    }
    TRY(check_disk());
    const std::optional<InputState> seen = cancelled ? std::nullopt : look(cancelled);
    if (!seen) return fail(Code::kCancelled, "the build was cancelled");
    if (!seen->done) continue;
    if (seen->result.outcome == core::Outcome::kSuccess) {
      // The container ends by itself after its one input.
      if (auto end = end_of(seen->task)) return *end;
      continue;
    }
    if (seen->result.outcome == core::Outcome::kTerminated)
      return fail(Code::kAborted, "the app whose function builds the image was stopped");
    modal::client::GenericResult result;
    result.ParseFromString(seen->result.generic_result);
    return fail(Code::kFailedPrecondition, "the function that builds the image failed:\n",
                result.traceback().empty() ? result.exception() : result.traceback());
  }
}

// No container of the function outlives the run, nor does the call.
void Run::clear_up() {
  tasks_.kill_all(build_.function);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return living_.empty(); });
  }
  c_.core_loop.post([&c = c_, call = call_] { c.core.release_call(c.clock.now(), call); });
}

Result<worker::TaskEnd> Run::run(const std::atomic<bool>& cancelled) {
  tasks_.watch(build_.function, shared_from_this());
  Result<void> started = start_call(cancelled);
  Result<worker::TaskEnd> end =
      started ? wait(cancelled) : Result<worker::TaskEnd>(std::unexpected(started.error()));
  if (started) clear_up();
  tasks_.unwatch(build_.function);
  for (const auto& [id, other] : ends_)
    if (!other.upper.empty() && (!end || other.upper != end->upper)) tasks_.discard(other.upper);
  return end;
}

}  // namespace

Result<images::BuiltImage> ContainerFunctionBuilder::build(const FunctionBuild& build,
                                                           images::BuildLog& log,
                                                           const std::atomic<bool>& cancelled) {
  ASSIGN_OR_RETURN(const worker::TaskEnd end,
                   std::make_shared<Run>(c_, tasks_, disk_, build, log)->run(cancelled));
  if (end.upper.empty())
    return fail(Code::kInternal, "the container of the builder function left no files");
  const auto keep = [&]() -> Result<images::BuiltImage> {
    // The runtime's own: its socket, its arguments, and what its modules were compiled to.
    for (const char* own : {"/__modal", "/pkg"}) TRY(remove_tree(end.upper + own));
    images::BuiltImage image = build.base;
    std::error_code error;
    if (std::filesystem::is_empty(end.upper, error)) return image;
    ASSIGN_OR_RETURN(std::string layer, layers_.commit(end.upper, end.id_base));
    image.layers.push_back(std::move(layer));
    return image;
  };
  Result<images::BuiltImage> image = keep();
  tasks_.discard(end.upper);
  return image;
}

}  // namespace ionian::services
