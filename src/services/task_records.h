#pragma once
// Containers by their ids: those that live, and those that have ended, as long as something is kept
// of them.
#include "services/context.h"

namespace ionian::services {

struct TaskRecord {
  AppId app;
  Time created;
  std::optional<Time> ready;  // for its function
  std::optional<Time> ended;
};

// Of one that lives, or has ended not long ago. On the core's thread.
std::optional<TaskRecord> recent_task(const core::Core& core, const TaskId& id);

// `recent`, or what the statistics have of it, if its app stands where the caller may do what the
// method needs. NOT_FOUND "container 'ID' not found"
Result<TaskRecord> task_of(const Context& c, const rpc::Call& call, const TaskId& id,
                           const std::optional<TaskRecord>& recent);

}  // namespace ionian::services
