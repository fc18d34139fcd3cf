#pragma once
// What the core wants done. It does nothing itself: whoever drives it carries these out, in order.
#include <string>
#include <variant>
#include <vector>

#include "core/model.h"

namespace ionian::core {

struct StartTask {
  TaskId task;
  FunctionId function;
  std::vector<std::string> devices;
};
// Asks a container to end (SIGTERM): one that cannot hear it otherwise, for it starts.
struct StopTask {
  TaskId task;
};
// Interrupts what a container runs (SIGINT): its runtime lets go of it, runs exit hooks, and ends.
struct InterruptTask {
  TaskId task;
};
struct KillTask {
  TaskId task;
};
// A task's life as its app's log tells it; `state` is modal.client.TaskState.
struct NoteTaskState {
  TaskId task;
  AppId app;
  FunctionId function;
  int state;
};
// All containers of a stopped app have ended.
struct AppEnded {
  AppId app;
};
// The log of this task may name the input that runs alone in it, or was the last (empty: several
// run).
struct NoteRunningInput {
  TaskId task;
  InputId input;
  CallId call;
};
// Calls that watch this key look again.
struct Notify {
  std::string key;
};
// An asynchronous input has its result: keep it, then say `output_kept` or `output_not_kept`.
struct KeepOutput {
  InputId input;
};
// An asynchronous input has failed or lost its container: keep how often.
struct KeepAttempts {
  InputId input;
};
// Nothing runs any more, as drain() has asked.
struct Drained {};

using Action = std::variant<StartTask, StopTask, InterruptTask, KillTask, NoteTaskState, AppEnded,
                            NoteRunningInput, Notify, KeepOutput, KeepAttempts, Drained>;

}  // namespace ionian::core
