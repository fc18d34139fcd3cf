#pragma once
// Calls as their callers see them: start, add inputs, read outputs.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/function.pb.h"
#include "services/context.h"

namespace ionian::services {

struct FinishedCall;

// A call of the caller's workspace and an environment that it may see: one that is alive, or one
// that lies on disk, which is then alive again for a while.   errors  NOT_FOUND
Result<const core::Call*> call_of(const Context& c, core::Core& core, const rpc::Call& call,
                                  const std::string& id);

class Calls {
 public:
  explicit Calls(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // FunctionMap. Starts a call; inputs may come along. An asynchronous one is on disk before the
  // reply goes out.
  //   out      one item an input, in order; sync_client_retries_enabled is false: this server
  //   retries by itself,
  //            so outputs come only when final, with retry_count 0
  //   errors   NOT_FOUND function · FAILED_PRECONDITION app stopped · RESOURCE_EXHAUSTED too many
  //   inputs
  Result<modal::client::FunctionMapResponse> start(rpc::Call& call,
                                                   const modal::client::FunctionMapRequest& request,
                                                   core::Core& core);

  // FunctionPutInputs.   errors  NOT_FOUND · RESOURCE_EXHAUSTED: nothing was taken, the client
  // tries again
  Result<modal::client::FunctionPutInputsResponse> put_inputs(
      rpc::Call& call, const modal::client::FunctionPutInputsRequest& request, core::Core& core);

  // FunctionRetryInputs. The results of these inputs go, and they run again: clients in JavaScript
  // and Go ask for it after an INTERNAL_FAILURE. Beside it the server retries by itself.
  //   out      the tokens of the inputs, as they were
  //   errors   INVALID_ARGUMENT a token that is none · NOT_FOUND · FAILED_PRECONDITION a result
  //   that is final: of a map, of an asynchronous call, a success
  Result<modal::client::FunctionRetryInputsResponse> retry_inputs(
      rpc::Call& call, const modal::client::FunctionRetryInputsRequest& request, core::Core& core);

  // FunctionGetOutputs (poll). Outputs behind the cursor `last_entry_id`, of the indices
  // start_idx..end_idx if given.
  //   out      at `timeout`: no outputs and the number of unfinished inputs
  //            a call whose results were removed: an output that says OutputExpiredError
  //   effect   clear_on_success: the call may be forgotten once this was read
  //   errors   NOT_FOUND · OUT_OF_RANGE the call has no input as high as start_idx
  std::optional<Result<modal::client::FunctionGetOutputsResponse>> get_outputs(
      rpc::Call& call, const modal::client::FunctionGetOutputsRequest& request, core::Core& core);

  std::optional<Result<modal::client::FunctionGetOutputsResponse>> finished_outputs(
      const FinishedCall& finished, rpc::Call& call,
      const modal::client::FunctionGetOutputsRequest& request);

  // FunctionFinishInputs. Says how many inputs a map has; all of them are here already.
  Result<Empty> finish_inputs(rpc::Call& call,
                              const modal::client::FunctionFinishInputsRequest& request,
                              core::Core& core);

  // FunctionCallCancel. What has not run yet ends as TERMINATED; containers are told to cancel what
  // runs, or, with terminate_containers, killed.
  //   errors   NOT_FOUND
  Result<Empty> cancel(rpc::Call& call, const modal::client::FunctionCallCancelRequest& request,
                       core::Core& core);

  // FunctionCallFromId.   errors  NOT_FOUND
  Result<modal::client::FunctionCallFromIdResponse> from_id(
      rpc::Call& call, const modal::client::FunctionCallFromIdRequest& request, core::Core& core);

  // FunctionCallGetDataOut (stream). A generator's chunks after last_index, gapless.
  std::optional<Status> get_data_out(rpc::Call& call,
                                     const modal::client::FunctionCallGetDataRequest& request,
                                     core::Core& core, rpc::Emit<modal::client::DataChunk>& emit);

  Context& c_;
};

}  // namespace ionian::services
