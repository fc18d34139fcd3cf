#pragma once
// Calls that are over and that the core has let go: what can be told of them without bringing them
// back, which takes the time and the memory of all their results.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/calls.h"

namespace ionian::services {

struct FinishedCall {
  store::Call record;
  EnvironmentId environment;
  std::size_t inputs = 0;  // 0 once its results have been removed
};

// None: the core has it, it is not over, or there is no such call in this workspace.
std::optional<FinishedCall> find_finished_call(const Context& c, const core::Core& core,
                                               const WorkspaceId& workspace, const CallId& id);

// Whether the request asks for a few inputs by their numbers, from the beginning.
bool asks_for_few(const modal::client::FunctionGetOutputsRequest& request);

// The results that are asked for, at most `bytes_max` of them and one; no outputs where there are
// none of these numbers. One whose results have been removed gives an output that says so: of an
// empty answer clients would ask again for ever.
modal::client::FunctionGetOutputsResponse outputs_of(
    const Context& c, const FinishedCall& call,
    const modal::client::FunctionGetOutputsRequest& request, std::size_t bytes_max);

}  // namespace ionian::services
