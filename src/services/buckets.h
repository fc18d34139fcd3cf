#pragma once
// Cloud bucket mounts of functions: what may be asked for, what a task gets of it, and whether the
// bucket is there.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "worker/task.pb.h"
#include "worker/worker.h"

namespace ionian::services {

// Of one definition.   errors   INVALID_ARGUMENT · NOT_FOUND its secret · FAILED_PRECONDITION this
// machine cannot serve it
Result<void> check_buckets(const Context& c, store::View& view, const rpc::Call& call,
                           const modal::client::Function& definition);

// Gives the task its buckets, with the keys of their secrets, which are no variables of its own.
//   errors   NOT_FOUND its secret · FAILED_PRECONDITION a variable of it is missing · as
//            find_bucket_program()
Result<void> add_buckets(const Context& c, const WorkspaceId& workspace,
                         const modal::client::Function& definition, worker::TaskSpec& spec);

// Asks the stores, all at once, whether the task's buckets can be read. Waits for it.
//   errors   FAILED_PRECONDITION what is wrong with the first that cannot, and the mend
Result<void> ask_for_buckets(worker::Worker& worker, const worker::TaskSpec& spec);

}  // namespace ionian::services
