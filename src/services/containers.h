#pragma once
// Calls as containers see them: take inputs, give results, say how they are.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/container.pb.h"
#include "modal_proto/function.pb.h"
#include "modal_proto/task.pb.h"
#include "services/context.h"

namespace ionian::services {

class Containers {
 public:
  explicit Containers(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // ContainerHello. The runtime is up; no reply content.
  Result<Empty> hello(rpc::Call& call, const Empty& request, core::Core& core);
  // ContainerHeartbeat (poll), each 15 s.
  //   out      the running inputs that the container shall cancel; it answers for each of them
  std::optional<Result<modal::client::ContainerHeartbeatResponse>> heartbeat(
      rpc::Call& call, const modal::client::ContainerHeartbeatRequest& request, core::Core& core);

  // FunctionGetInputs (poll). One input, or a batch of one method; an empty answer is asked again
  // at once.
  //   out      kill_switch alone: the container shall end
  std::optional<Result<modal::client::FunctionGetInputsResponse>> get_inputs(
      rpc::Call& call, const modal::client::FunctionGetInputsRequest& request, core::Core& core);

  // FunctionPutOutputs. Repeats are harmless: an input has one result.
  Result<Empty> put_outputs(rpc::Call& call,
                            const modal::client::FunctionPutOutputsRequest& request,
                            core::Core& core);

  // FunctionCallPutDataOut. A generator's chunks, index from 1.
  //   errors   NOT_FOUND · FAILED_PRECONDITION a gap · RESOURCE_EXHAUSTED the reader is too far
  //   behind
  Result<Empty> put_data_out(rpc::Call& call,
                             const modal::client::FunctionCallPutDataRequest& request,
                             core::Core& core);

  // TaskResult. The container cannot run inputs: its import or an enter hook failed.
  Result<Empty> task_result(rpc::Call& call, const modal::client::TaskResultRequest& request,
                            core::Core& core);

  [[maybe_unused]] Context& c_;  // each service has it
};

}  // namespace ionian::services
