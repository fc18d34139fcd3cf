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
  std::int32_t last_index = -1;
};

// None: the core has it, it is not over, or there is no such call in this workspace.
std::optional<FinishedCall> find_finished_call(const Context& c, const core::Core& core,
                                               const WorkspaceId& workspace, const CallId& id);

// Whether the request asks for a few inputs by their numbers, from the beginning.
bool asks_for_few(const modal::client::FunctionGetOutputsRequest& request);

// Where a reader is. Of a call that the core has, "17-0" is behind the first 17 results, by the
// order in which they came; of one that lies on disk, "17-1" is before input 17.
struct Cursor {
  std::size_t place = 0;
  bool by_number = false;
};
Cursor cursor_of(const std::string& last_entry_id);

// Whether outputs_of() can answer: not a reader that has come half of its way by the order of
// results, which only the core knows.
bool can_be_read_on_disk(const FinishedCall& call,
                         const modal::client::FunctionGetOutputsRequest& request);

// The results that are asked for, behind the cursor and by number, at most `bytes_max` of them and
// one; no outputs where there are none. One whose results have been removed gives an output that
// says so: of an empty answer clients would ask again for ever.
modal::client::FunctionGetOutputsResponse outputs_of(
    const Context& c, const FinishedCall& call,
    const modal::client::FunctionGetOutputsRequest& request, std::size_t bytes_max);

}  // namespace ionian::services
