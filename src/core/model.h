#pragma once
// What is alive: apps, functions, calls, inputs, tasks. Plain data of the core's thread; the core
// alone changes it.
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "core/devices.h"

namespace ionian::core {

// modal.client.GenericResult.GenericStatus, by number.
enum class Outcome {
  kUnspecified = 0,
  kSuccess = 1,
  kFailure = 2,
  kTerminated = 3,
  kTimeout = 4,
  kInitFailure = 5,
  kInternalFailure = 6
};

struct RetryPolicy {
  std::uint32_t retries = 0;
  double backoff_coefficient = 1.0;
  Duration initial_delay = 1s;
  Duration max_delay = 60s;

  // How long to wait before attempt number `attempt` (the first retry is 1).
  Duration delay(std::uint32_t attempt) const;
};

// What scheduling needs to know of a function; the rest of its definition stays in the store.
struct FunctionConfig {
  FunctionId id;
  AppId app;
  WorkspaceId workspace;
  std::string tag;
  Duration timeout = 300s;
  Duration startup_timeout = 300s;
  Duration scaledown_window = 60s;
  std::uint32_t min_containers = 0;
  std::uint32_t max_containers = 0;  // 0 = as many as the machine carries
  std::uint32_t buffer_containers = 0;
  std::uint32_t max_concurrent_inputs = 1;
  std::uint32_t target_concurrent_inputs = 0;  // above it another container starts; 0 = the maximum
  bool single_use = false;                     // its containers take inputs once, and end
  std::uint32_t batch_max_size = 0;
  Duration batch_linger = 0s;
  std::uint32_t memory_limit_mib = 0;  // 0 = none; for the text of an out-of-memory error
  RetryPolicy retry;
  std::vector<GpuWish> gpus;  // any of these, the first preferred; empty = none
  bool variant = false;       // there may be very many: let go where idle, and defined again later
};

// What a container or the server made of an input.
struct Result {
  Outcome outcome = Outcome::kUnspecified;
  std::string generic_result;  // serialized modal.client.GenericResult
  int data_format = 0;         // modal.client.DataFormat
};

enum class InputState { kPending, kRunning, kWaitingForRetry, kDone };

struct Input {
  InputId id;
  CallId call;
  FunctionId function;
  std::int32_t index = 0;
  std::string method;   // of a class
  std::string payload;  // serialized modal.client.FunctionInput; dropped once done
  InputState state = InputState::kPending;
  TaskId task;                        // that runs it, or ran it last
  std::uint32_t attempts = 0;         // failures that count against the retry policy
  std::uint32_t lost_containers = 0;  // attempts that ended through no fault of the input
  std::optional<Time> next_attempt;   // not before; of one that waits for a retry
  bool cancelled = false;             // its caller wants no result; it does not run again
  bool kept = false;                  // of an asynchronous call: the result is on disk
  std::size_t position = 0;           // of its output: those of a call stand in this order
  Time created, started, done;
  Time kept_at;  // of an asynchronous call
  // Of the container that ran it last.
  Time container_asked, container_hello, container_ready;
  Time delivered;  // when the result went out to its caller first
  Result result;
};

struct DataChunk {
  std::string serialized;  // modal.client.DataChunk
};

enum class CallType { kUnary = 1, kMap = 2 };

struct Call {
  CallId id;
  FunctionId function;
  AppId app;
  WorkspaceId workspace;
  InputId parent_input;
  CallType type = CallType::kUnary;
  bool asynchronous = false;
  bool from_container = false;
  bool awaited_inside = false;   // a container waits for its results
  int invocation_type = 0;       // modal.client.FunctionCallInvocationType, handed to the container
  std::int32_t last_index = -1;  // the highest of its inputs' numbers
  Time created;
  std::optional<Time> scheduled;  // of a schedule's run: when it was due
  std::vector<InputId> inputs;    // by order of arrival; those that are held
  std::deque<InputId> outputs;    // of them, by order of completion
  // Of an asynchronous call: where the published outputs stand, by their inputs' numbers.
  std::multimap<std::int32_t, std::size_t> by_index;
  // Of a map, the first outputs, which its caller has read long ago: they and their inputs are no
  // longer held, but for how many they were and what became of them.
  std::size_t forgotten = 0;
  std::map<Outcome, std::size_t> forgotten_outcomes;
  // Of generators, gapless from index `data_out_read` + 1. Those before were dropped, for the
  // reader of a synchronous call has them.
  std::deque<DataChunk> data_out;
  std::uint64_t data_out_read = 0;
  std::vector<DataChunk> data_in;  // of web requests
  std::size_t done = 0;
  // How many of the outputs readers may see: of an asynchronous call, those that are on disk. A
  // result that was read never changes, whatever becomes of this process.
  std::size_t published = 0;
  // Of its next output. A result that never reached the disk leaves a gap, which is not filled
  // again: what readers have counted stays where it is.
  std::size_t next_position = 0;
  Time asked;            // when its caller has asked for results last
  std::size_t read = 0;  // of its outputs: those that were dropped, for their reader has them
  std::optional<Time> release_at;  // when it goes: its caller has read it, or it lies on disk
  bool counted = false;            // among its function's calls

  std::size_t arrived() const { return forgotten + inputs.size(); }
  // By its place in the order of completion, which cursors count by.
  const InputId& output(std::size_t position) const { return outputs[position - forgotten]; }
};

enum class TaskState { kStarting, kReady, kStopping };

// Why a task ends; told to its inputs and its log.
enum class StopReason { kNone, kIdle, kAppStopped, kTimeout, kStartupTimeout, kStopped };

struct Task {
  TaskId id;
  FunctionId function;
  AppId app;
  TaskState state = TaskState::kStarting;
  StopReason reason = StopReason::kNone;
  std::set<InputId> running;
  std::map<InputId, Time> to_cancel;  // of the running ones; when the container is to be told
  Time created, ready, idle_since;
  std::optional<Time> hello;  // its runtime is up; the program's imports come next
  Duration timeout{};         // of its inputs, as its version of the function has it
  bool asked_for_inputs = false, reported_failure = false, killed = false;
  bool retired = false;  // of a former version: runs what it has, and takes nothing new
  bool spent = false;    // of single use, and used: the same, but it keeps its place
  bool takes_more() const { return !retired && !spent; }
  Time asked;                        // for inputs, the last time
  std::string question;              // the last one that was answered with inputs, and with which:
  std::vector<InputId> given;        // its answer may be lost
  bool waiting = false;              // has asked for inputs in vain since it was last told of some
  std::optional<Time> deadline;      // when the core looks at it again
  std::vector<std::string> devices;  // that it has for itself
};

// One that is gone, for those who still ask about it.
struct EndedTask {
  AppId app;
  Time created, ready, ended;
};

struct Function {
  FunctionConfig config;
  std::deque<InputId> pending;
  std::size_t awaited = 0, spawned = 0;  // unfinished inputs, of synchronous and of other calls
  std::size_t calls = 0;                 // that are held
  std::set<TaskId> tasks;
  std::uint32_t starting = 0;          // containers that are not ready
  std::uint32_t launching = 0;         // of those, the ones that have not said hello
  std::uint32_t failed_starts = 0;     // in a row
  std::uint32_t guiltless_starts = 0;  // of those, the ones in a run that were not its fault
  Time next_start;                     // not before: back-off after failed starts
  bool restart_planned = false;        // the core comes back to it at next_start
  std::optional<Time> linger_until;    // and then, for its first batch has waited long enough
  bool wants = false;                  // it is among those that may want a place
};

struct App {
  AppId id;
  WorkspaceId workspace;
  EnvironmentId environment;
  bool ephemeral = true;  // dies with its client's heartbeat
  bool detached = false;  // outlives its client, until its last input is done
  bool complete = true;   // all its functions and classes are known: from now on some stay warm
  bool draining = false;  // a detached app whose client has gone
  bool stopping = false;
  bool done = false;  // all its containers have ended and its log is complete
  Time last_heartbeat;
  std::set<FunctionId> functions;
  std::set<CallId> calls;
  std::size_t tasks = 0;
  std::size_t unfinished = 0;  // inputs
};

}  // namespace ionian::core
