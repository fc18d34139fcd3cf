#pragma once
// The containers that tasks, and standbys for them, run in.
#include "container/spec.pb.h"
#include "worker/task.pb.h"

namespace ionian::worker {

// Processes and threads of a task, and of a step of a build.
inline constexpr std::uint32_t kProgramPidsMax = 4096;

// `folder` holds the socket of the container and gets what it writes.
container::ContainerSpec container_of_task(const TaskSpec& task, const std::string& id,
                                           const std::string& folder);

// The container that waits for a task such as this. It has the program that waits, and no more
// memory, disk and time than waiting needs.
container::ContainerSpec container_of_standby(const TaskSpec& task, const std::string& id,
                                              const std::string& folder);

// A volume as a container has it.
container::Overlay overlay_of(const TaskVolume& volume);

}  // namespace ionian::worker
