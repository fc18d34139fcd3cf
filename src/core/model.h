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
  std::uint32_t batch_max_size = 0;
  Duration batch_linger = 0s;
  std::uint32_t memory_limit_mib = 0;  // 0 = none; for the text of an out-of-memory error
  RetryPolicy retry;
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
  Time created, started, done;
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
  int invocation_type = 0;  // modal.client.FunctionCallInvocationType, handed to the container
  Time created;
  std::vector<InputId> inputs;      // by order of arrival
  std::vector<InputId> outputs;     // by order of completion; a cursor is a position in it
  std::vector<DataChunk> data_out;  // of generators, gapless from index 1
  std::vector<DataChunk> data_in;   // of web requests
  std::size_t done = 0;
  std::optional<Time> release_at;  // when it goes: its caller has read it
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
  Time created, ready, idle_since;
  bool said_hello = false, asked_for_inputs = false, reported_failure = false, killed = false;
  bool waiting = false;          // has asked for inputs in vain since it was last told of some
  std::optional<Time> deadline;  // when the core looks at it again
};

struct Function {
  FunctionConfig config;
  std::deque<InputId> pending;
  std::set<TaskId> tasks;
  std::uint32_t starting = 0;
  std::uint32_t failed_starts = 0;  // in a row
  Time next_start;                  // not before: back-off after failed starts
  bool restart_planned = false;     // the core comes back to it at next_start
};

struct App {
  AppId id;
  WorkspaceId workspace;
  EnvironmentId environment;
  bool ephemeral = true;  // dies with its client's heartbeat
  bool detached = false;  // outlives its client, until its last input is done
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
