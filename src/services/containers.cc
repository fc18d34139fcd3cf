#include "services/containers.h"

#include <algorithm>

namespace ionian::services {
namespace {

constexpr Duration kInputsHold = 50s;
constexpr Duration kHeartbeatHold = 14s;  // containers beat every 15 s

core::Result result_of(modal::client::GenericResult generic, int data_format,
                       std::string_view cancelled = core::kCancelledText) {
  // The runtime answers a cancellation without a word, which its caller would have to guess.
  if (generic.status() == modal::client::GenericResult::GENERIC_STATUS_TERMINATED &&
      generic.exception().empty())
    generic.set_exception(std::string(cancelled));
  return {.outcome = static_cast<core::Outcome>(generic.status()),
          .generic_result = generic.SerializeAsString(),
          .data_format = data_format};
}

}  // namespace

void Containers::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ContainerHello", &Containers::hello, rpc::Access::kContainer);
  on("ContainerHeartbeat", &Containers::heartbeat, rpc::Access::kContainer);
  on("FunctionGetInputs", &Containers::get_inputs, rpc::Access::kContainer);
  on("FunctionPutOutputs", &Containers::put_outputs, rpc::Access::kContainer);
  on("FunctionCallPutDataOut", &Containers::put_data_out, rpc::Access::kContainer);
  on("TaskResult", &Containers::task_result, rpc::Access::kContainer);
}

Result<Containers::Empty> Containers::hello(rpc::Call& call, const Empty&, core::Core& core) {
  core.task_hello(call.now, call.caller.task);
  return Empty();
}

std::optional<Result<modal::client::ContainerHeartbeatResponse>> Containers::heartbeat(
    rpc::Call& call, const modal::client::ContainerHeartbeatRequest&, core::Core& core) {
  modal::client::ContainerHeartbeatResponse reply;
  for (const InputId& id : core.take_cancelled(call.now, call.caller.task))
    reply.mutable_cancel_input_event()->add_input_ids(id.str());
  if (reply.has_cancel_input_event() || call.timed_out) return reply;
  call.wait_until(call.now + kHeartbeatHold);
  if (const auto next = core.next_cancel(call.caller.task)) call.wait_until(*next);
  call.watch(core::cancels_key(call.caller.task));
  return std::nullopt;
}

std::optional<Result<modal::client::FunctionGetInputsResponse>> Containers::get_inputs(
    rpc::Call& call, const modal::client::FunctionGetInputsRequest& request, core::Core& core) {
  const TaskId& task = call.caller.task;
  modal::client::FunctionGetInputsResponse reply;
  const std::size_t most = std::max(1u, request.batch_max_size());
  for (const core::Input* input : core.take_inputs(call.now, task, most, call.reply_key)) {
    auto* item = reply.add_inputs();
    item->set_input_id(input->id.str());
    item->mutable_input()->ParseFromString(input->payload);
    item->set_function_call_id(input->call.str());
    item->set_function_call_invocation_type(static_cast<modal::client::FunctionCallInvocationType>(
        core.call(input->call)->invocation_type));
  }
  if (reply.inputs().empty() && core.should_stop(task)) reply.add_inputs()->set_kill_switch(true);
  if (!reply.inputs().empty() || call.timed_out) return reply;
  call.wait_until(call.now + kInputsHold);
  call.watch(core::inputs_key(task));
  return std::nullopt;
}

Result<Containers::Empty> Containers::put_outputs(
    rpc::Call& call, const modal::client::FunctionPutOutputsRequest& request, core::Core& core) {
  const core::App* app = core.app(call.caller.app);
  const std::string_view cancelled =
      app && app->stopping ? "the app was stopped" : core::kCancelledText;
  for (const auto& output : request.outputs())
    core.put_output(call.now, call.caller.task, InputId(output.input_id()),
                    result_of(output.result(), output.data_format(), cancelled));
  return Empty();
}

Result<Containers::Empty> Containers::put_data_out(
    rpc::Call& call, const modal::client::FunctionCallPutDataRequest& request, core::Core& core) {
  if (request.data_chunks().empty()) return Empty();
  const core::Call* of = core.call(CallId(request.function_call_id()));
  if (!of || of->workspace != call.caller.workspace)
    return fail(Code::kNotFound, "function call '", request.function_call_id(), "' not found");
  std::vector<core::DataChunk> chunks;
  for (const auto& chunk : request.data_chunks()) chunks.push_back({chunk.SerializeAsString()});
  TRY(core.add_data_out(call.caller.task, of->id, request.data_chunks(0).index(),
                        std::move(chunks)));
  return Empty();
}

Result<Containers::Empty> Containers::task_result(rpc::Call& call,
                                                  const modal::client::TaskResultRequest& request,
                                                  core::Core& core) {
  core.task_failed(call.now, call.caller.task, result_of(request.result(), 0));
  return Empty();
}

}  // namespace ionian::services
