#pragma once
// The core: the state machine behind calls, inputs and containers.
//
// Its methods are events. Each takes the time of the event, changes the state, and appends to the
// list of actions; none does I/O, waits, or reads a clock. So it runs the same under a server and
// under the simulator.
#include "base/result.h"
#include "core/actions.h"
#include "core/model.h"

namespace ionian::core {

struct Limits {
  std::uint32_t tasks_max = 100;  // containers at a time on this machine
  // Of one function, at a time, until their runtimes are up: more than the machine has processors
  // would only slow each other. What comes then, the program's imports and its enter hooks, may
  // wait for others, and holds up nobody.
  std::uint32_t launching_max = 2;
  std::size_t inputs_max = 1'000'000;  // alive, of all calls
  std::size_t inputs_per_call_max = 1'000'000;
  // Of one function. What lies above is refused, and the callers of a map try again later.
  std::size_t pending_max = 2'000;       // whose callers wait, and that no container has taken
  std::size_t awaited_max = 25'000;      // whose callers wait
  std::size_t spawned_max = 1'000'000;   // of asynchronous calls
  std::size_t read_inputs_kept = 1'000;  // of a map: so many of those whose results were read
  Duration unattended_call = 10min;  // nobody has asked for its results: cancelled, and forgotten
  Duration look_for_unattended = 1min;
  std::size_t bytes_max = 2ull << 30;  // of payloads and results held
  std::uint32_t lost_containers_max =
      8;                          // an input is retried that often when its container is lost
  std::uint32_t cut_off_max = 2;  // and so often when what it lost is its connection, for it may do
                                  // so each time; both are counted as one
  Duration app_heartbeat_timeout = 60s;
  Duration stop_grace = 30s;          // from asking a container to end until it is killed
  Duration busy_stop_grace = 5s;      // the same where the app was stopped under a running input
  Duration keep_stopped_app = 10min;  // its calls can be read that long
  Duration keep_read_call = 60s;      // a collected synchronous call is kept for a repeated read,
                                      // and one that is on disk for its reader
  Duration look_at_variant = 10min;   // one without container, call and wish for one goes
  std::size_t ended_tasks_max = 10'000;  // are remembered
  Duration farewell = 3s;  // at the server's end: a client that was sent a result may end meanwhile
  Duration keep_again = 5s;  // an output that could not be kept is tried again after this
};

struct NewInput {
  std::int32_t index = 0;
  std::string method;
  std::string payload;
};

struct NewCall {
  FunctionId function;
  WorkspaceId workspace;
  InputId parent_input;
  CallType type = CallType::kUnary;
  bool asynchronous = false;
  bool from_container = false;
  int invocation_type = 0;
};

// What a container ended with, as the worker saw it.
struct TaskExit {
  int exit_code = 0;
  int signal = 0;
  bool out_of_memory = false;
  std::string failed_start;  // why the container could not be made at all; "" if it ran
  bool of_machine = false;   // ... for want of what any would need: memory, a process, a disk
  bool lost = false;         // the worker lost it: not the container's fault
  bool cut_off = false;      // the server ended it, for it had no connection any more
};

// Keys that waiting calls watch.
inline std::string outputs_key(const CallId& id) { return "outputs:" + id.str(); }
inline std::string data_out_key(const CallId& id) { return "data_out:" + id.str(); }
inline std::string inputs_key(const TaskId& id) { return "inputs:" + id.str(); }
inline std::string cancels_key(const TaskId& id) { return "cancels:" + id.str(); }
inline std::string task_key(const TaskId& id) { return "task:" + id.str(); }

class Core {
 public:
  Core(Limits limits, Random& random) : limits_(limits), random_(random) {}

  // The machine's GPUs; before anything runs.
  void offer_devices(std::vector<Device> all) { devices_.offer(std::move(all)); }
  const Devices& devices() const { return devices_; }

  // --- apps
  // -------------------------------------------------------------------------------------------
  void add_app(Time now, App app);
  ionian::Result<void> heartbeat_app(Time now, const AppId& id);
  // One of a former life or long ago, for those who still read its calls.
  void add_stopped_app(Time now, App app);
  // Ends the app's calls and containers. Stopping a stopped app is success.
  void stop_app(Time now, const AppId& id);
  // All that it has is known now. A container that stays warm would not find the rest before.
  void complete_app(Time now, const AppId& id);
  // A deployed app lives until it is stopped.
  void keep_app(const AppId& id);
  // The client has gone: an ephemeral app ends now, a detached one when its last input is done.
  void disconnect_app(Time now, const AppId& id);
  const App* app(const AppId& id) const;

  // --- functions
  // --------------------------------------------------------------------------------------------
  void define_function(Time now, FunctionConfig config);
  // The same of what has changed; a variant that is not here and keeps nothing warm stays away
  // until it is called.
  void redefine_function(Time now, FunctionConfig config);
  const Function* function(const FunctionId& id) const;
  // How many inputs each container of the function shall take at a time now: the target, or the
  // maximum while inputs wait or where no other container can come.
  std::size_t concurrency_now(const FunctionId& id) const;
  // How many inputs its containers could take at once without another one.
  std::size_t headroom(const FunctionId& id) const;
  // No name leads to it any more: it keeps nothing warm.
  void let_go_of(Time now, const FunctionId& id);
  // Its containers end as soon as they run nothing; new ones take their place. No call fails.
  void replace_tasks(Time now, const FunctionId& id);

  // --- calls
  // ------------------------------------------------------------------------------------------
  // NOT_FOUND function · FAILED_PRECONDITION app stopped · RESOURCE_EXHAUSTED too many inputs
  ionian::Result<CallId> start_call(Time now, const NewCall& call);
  // One id an input, in order. RESOURCE_EXHAUSTED: nothing was taken, try again later.
  ionian::Result<std::vector<InputId>> put_inputs(Time now, const CallId& call,
                                                  std::vector<NewInput> inputs);
  // The caller of a synchronous call of one input takes its failure for none of the input's, and
  // wants it to run again: the next result takes the place of this one. Success also while it has
  // no result, for who asks may ask twice.
  //   NOT_FOUND · FAILED_PRECONDITION its result is final · RESOURCE_EXHAUSTED as above
  ionian::Result<void> retry_input(Time now, const CallId& call, const InputId& input,
                                   NewInput again);
  // Takes back a call whose first inputs were refused.
  void cancel_empty_call(const CallId& id);
  // Takes back inputs that could not be kept, as far as they do not run yet; a call without inputs
  // goes with them.
  void withdraw_inputs(const CallId& id, std::vector<InputId> inputs);
  // An asynchronous call as it was kept, of an app that is here: inputs that have a result are
  // done, all others wait to run (those of a stopped app end). By order of arrival.
  void restore_call(Time now, Call call, std::vector<Input> inputs);
  // Ends what has not run yet, and tells containers to cancel what runs; or kills them for it.
  void cancel_call(Time now, const CallId& id, bool kill_containers);
  // What became of a KeepOutput.
  void output_kept(Time now, const InputId& id);
  void output_not_kept(Time now, const InputId& id);
  const Call* call(const CallId& id) const;
  const Input* input(const InputId& id) const;
  // The calls that an input of this workspace says to have made, the oldest first.
  std::vector<const Call*> calls_made_by(const WorkspaceId& workspace, const InputId& id) const;
  // Its caller asks for results. Those before `position` have reached it, and of a map they are
  // dropped: its memory is that of what nobody has read yet.
  void attend(Time now, const CallId& id, std::size_t position);
  // A container asks for results, and waits for them.
  void await_inside(Time now, const CallId& id);
  // The outputs from `position` to before `end` are on their way to the caller.
  void deliver(Time now, const CallId& id, std::size_t position, std::size_t end);
  // The caller has read what it wanted; a call without unfinished inputs goes after a while.
  void release_call(Time now, const CallId& id);
  // Chunks of a task that runs no input of the call (any more) are dropped: they belong to an
  // attempt that is over, and its successor starts again from the first.
  ionian::Result<void> add_data_out(const TaskId& task, const CallId& id, std::uint64_t first_index,
                                    std::vector<DataChunk> chunks);
  // The caller asks for what follows chunk `last_index`: it has all up to there, and nobody else
  // reads those of a synchronous call.
  void await_data_out(Time now, const CallId& id, std::uint64_t last_index);

  // --- containers
  // -------------------------------------------------------------------------------------------
  void task_hello(Time now, const TaskId& id);
  // Up to `max` inputs of one method for a task that is ready for them; they count as running from
  // now on.
  // `question` names it where it may come twice: what was given then is given again.
  std::vector<const Input*> take_inputs(Time now, const TaskId& id, std::size_t max,
                                        const std::string& question = "");
  // The running inputs that the task shall cancel, each again until it has ended: the official
  // runtime drops what it is told of an input that it is just about to begin.
  std::vector<InputId> take_cancelled(Time now, const TaskId& id);
  // When there is one to take; nothing while there is none.
  std::optional<Time> next_cancel(const TaskId& id) const;
  // Whether the task shall end instead of waiting for inputs.
  bool should_stop(const TaskId& id) const;
  // The result of an input; a second one of the same input, or one of a task that no longer runs
  // it, is dropped.
  void put_output(Time now, const TaskId& task, const InputId& input, Result result);
  // The container says that it cannot run inputs at all (its import or an enter hook failed), or
  // that an exit hook failed.
  void task_failed(Time now, const TaskId& id, Result result);
  void task_exited(Time now, const TaskId& id, const TaskExit& exit);
  // Somebody wants it to end: gracefully after what it runs, or now, and what it runs starts again
  // elsewhere. Its exit hooks run in either case.
  void end_task(Time now, const TaskId& id, bool graceful);
  const Task* task(const TaskId& id) const;
  std::vector<TaskId> tasks() const;
  // One that has ended not long ago; null if it is not remembered.
  const EndedTask* ended_task(const TaskId& id) const;

  // --- time
  // -------------------------------------------------------------------------------------------
  void tick(Time now);
  std::optional<Time> next_tick() const;

  std::vector<Action> take_actions(Time now);
  // For the end of the server: from now on no call and no input is taken from outside
  // (UNAVAILABLE), and none begins; what runs goes on, and so does what it waits for. Drained says
  // that nothing runs any more, and that the clients of apps have gone, or had `farewell` since the
  // last result.
  void drain();
  std::size_t live_inputs() const { return inputs_.size(); }
  std::size_t live_bytes() const { return bytes_; }
  // Of each workspace with calls that are not over or not read yet, when the first of them came.
  std::unordered_map<WorkspaceId, Time> oldest_calls() const;

 private:
  friend class CoreCheck;

  template <class A>
  void act(A action) {
    actions_.emplace_back(std::move(action));
  }

  // schedule.cc
  void schedule(Time now, Function& f);
  void start_task(Time now, Function& f);
  void wake_idle_tasks(Time now, const Function& f, std::size_t inputs);
  std::size_t free_slots(const Function& f) const;
  std::size_t current_tasks(const Function& f) const;
  std::size_t warm_tasks(const Function& f) const;
  std::size_t places_for(const Function& f) const;
  std::size_t most_tasks_of(const Function& f) const;
  bool first_batch_may_go(Time now, const Function& f) const;
  void plan_first_batch(Function& f);
  void plan_next_batch(Function& f);
  void make_room(Time now, const Function& f);
  bool place_is_coming() const;
  void make_device_room(Time now, const Function& f);
  bool somebody_starves(Time now);
  void share_places(Time now);
  bool wants_place(const Function& f) const;
  bool may_start_now(Time now, Function& f);
  void note_wish(Function& f);

  // inputs.cc
  void requeue(Time now, Input& input);
  bool may_begin(const Call& call) const { return !draining_ || call.awaited_inside; }
  void lose_container(Time now, Input& input, const Task& task, bool cut_off);
  void finish_input(Time now, Input& input, Result result);
  void publish(Time now, Call& call);
  std::optional<Time> farewell_over() const;
  void plan_release(Time now, Call& call);
  void keep_attempts(const Input& input);
  void await_retry(Input& input);
  std::vector<const Input*> given_before(const Task& task, const std::string& question) const;
  void cancel_running(Time now, Input& input, bool kill_container);
  void settle_attempt(Time now, Input& input, Result result);
  void fail_pending(Time now, Function& f, const Result& result);
  void drop_call(const CallId& id);
  void forget_call(const CallId& id);
  void forget_read_inputs(Call& call);
  bool runs_input_of(const TaskId& task, const CallId& call) const;

  // bounds.cc
  ionian::Result<void> check_room(const Function& f, const Call& call,
                                  const std::vector<NewInput>& fresh) const;
  std::size_t awaited_and_running(const Function& f) const;
  void count_unfinished(const Input& input, int by);
  void cancel_unattended(Time now);

  // tasks.cc
  void stop_task(Time now, Task& task, StopReason reason);
  void interrupt(Time now, Task& task);
  void kill_task(Task& task);
  void leave_starting(Task& task, TaskState next);
  void retire(Time now, Task& task);
  void retire_surplus(Time now, Function& f);
  void remove_task(Time now, const TaskId& id);
  void note_running(const Task& task);
  void set_deadline(Task& task, std::optional<Time> deadline);
  void refresh_deadline(Time now, Task& task);
  void look_at_task(Time now, Task& task);
  void time_out(Time now, Task& task);
  void failed_start(Time now, Task& task, const TaskExit& exit);
  void finish_app_if_quiet(Time now, App& app);
  void forget_app(const AppId& id);
  void look_at_variant(Time now, const FunctionId& id);
  void forget_function(const FunctionId& id);

  Limits limits_;
  Random& random_;
  std::unordered_map<AppId, App> apps_;
  std::unordered_map<FunctionId, Function> functions_;
  std::unordered_map<CallId, Call> calls_;
  std::unordered_map<InputId, Input> inputs_;
  std::set<std::pair<InputId, CallId>> children_;  // calls by the input that made them
  std::unordered_map<TaskId, Task> tasks_;
  std::unordered_map<TaskId, EndedTask> ended_;
  std::deque<TaskId> ended_order_;  // the oldest first
  std::set<std::pair<Time, TaskId>> task_deadlines_;
  std::multimap<Time, InputId> retries_;
  std::multimap<Time, InputId> keep_again_;  // outputs that could not be kept
  std::set<std::pair<Time, CallId>> releases_;
  std::multimap<Time, AppId> forgets_;
  std::multimap<Time, FunctionId> restarts_;
  std::set<std::pair<Time, FunctionId>> lingers_;  // when batches that are not full go all the same
  std::set<AppId> drained_;
  std::set<FunctionId> starving_;  // with inputs, without container, the machine full
  std::set<FunctionId> wanting_;   // may have inputs, or fewer containers than they ask for
  std::multimap<Time, FunctionId> variant_looks_;
  Devices devices_;
  std::size_t bytes_ = 0;
  Time unattended_looked_for_;
  bool draining_ = false, drained_was_said_ = false;
  std::optional<Time> last_result_;  // became readable
  std::vector<Action> actions_;
};

inline constexpr std::string_view kStoppingText = "the server is stopping; try again";
inline constexpr std::string_view kCancelledText = "the function call was cancelled";

// A result that the server itself reports, as a serialized GenericResult.
Result server_result(Outcome outcome, std::string exception);

}  // namespace ionian::core
