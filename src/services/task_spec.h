#pragma once
// What a container of a function is made of: layers, mounts, variables, arguments.
#include "images/layers.h"
#include "services/context.h"
#include "worker/task.pb.h"

namespace ionian::services {

struct TaskLimits {
  // What a container may write where its function does not say; 0 = all that the disk has.
  std::uint64_t disk_bytes = 0;
  std::string shared_folder = {};  // where network file systems lie
};

// Reads records, and makes what is not there yet (mounts from files, the runtime's dependencies);
// may wait for other programs.   errors  NOT_FOUND, with what is missing · DATA_LOSS
Result<worker::TaskSpec> make_task_spec(const Context& c, const images::LayerStore& layers,
                                        const TaskLimits& limits, const TaskId& task,
                                        const FunctionId& function, const WorkspaceId& workspace);

}  // namespace ionian::services
