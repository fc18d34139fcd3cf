#pragma once
// Asynchronous calls on disk: written down before their spawner is told of them, their results
// before anybody reads them, and read again when somebody asks after the core has let them go.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/calls.h"

namespace ionian::services {

// Makes the reply wait until these inputs are on disk, and with them the reply itself, which a
// repeated request gets again. If they cannot be kept they are withdrawn, and the caller gets the
// disk's error. On the core's thread.
void keep_call(const Context& c, rpc::Call& call, const core::Call& of,
               const std::vector<InputId>& ids, bool is_new,
               const google::protobuf::Message& reply);

// Makes the reply wait until it is on disk that nobody wants what the call has left to do.
void keep_cancel(const Context& c, rpc::Call& call, const CallId& id);

// Writes down results, then tells the core and, of each that is kept, `kept`. On the core's thread.
void keep_outputs(const Context& c, const std::vector<InputId>& ids,
                  std::function<void(const InputId&)> kept);
void keep_attempts(const Context& c, const InputId& id);

// One that the server itself has written down begins. On the core's thread.
void begin_kept_call(const Context& c, const store::Call& record, const store::CallInput& input);

// Brings a call of this workspace back into the core; null if there is none. On the core's thread.
const core::Call* load_call(const Context& c, core::Core& core, Time now,
                            const WorkspaceId& workspace, const CallId& id);

// The calls of one app that still have work; before the loops run.
void restore_calls(const Context& c, store::View& view, Time now, const AppId& app);

// A result as clients read it.
modal::client::FunctionGetOutputsItem output_item(const core::Input& input);

}  // namespace ionian::services
