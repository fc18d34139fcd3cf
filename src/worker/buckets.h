#pragma once
// Buckets of S3-compatible stores in containers: rclone serves each from a container of its own
// beside the task's, with the task's rules of the network, and with none of its files.
#include "base/result.h"
#include "container/spec.pb.h"
#include "worker/task.pb.h"

namespace ionian::worker {

// What this machine has of it.   errors   FAILED_PRECONDITION there is none, and how to get it
Result<BucketProgram> find_bucket_program();

// The folder in that of a task, or of a check, that is the lowest layer of what serves its buckets:
// there must be one, and nothing is in it.
std::string empty_root(const std::string& folder);

// Has the task's buckets served.
void add_buckets(container::ContainerSpec& spec, const TaskSpec& task, const std::string& folder);

// The container that asks the store once whether the bucket can be read, and what it said: of exit
// code 0 nothing, otherwise a text for whom the function belongs to, without anything secret.
container::ContainerSpec container_of_check(const TaskBucket& bucket, const BucketProgram& program,
                                            const std::string& id, const std::string& folder);
std::string explain_check(const TaskBucket& bucket, std::string_view output);

}  // namespace ionian::worker
