#include "services/traces.h"

#include "rpc/table.h"

namespace ionian::services {
namespace {

constexpr int kInputsMax = 1000;

void fill_stages(TraceResponse::Input& row, const core::Input& input) {
  const auto stage = [&](const char* name, Time at) {
    if (at == Time{}) return;
    TraceResponse::Stage& added = *row.add_stages();
    added.set_name(name);
    added.set_at_us(
        std::chrono::duration_cast<std::chrono::microseconds>(at - input.created).count());
  };
  stage("the server has the input", input.created);
  // A warm container was there before the input came.
  if (input.container_asked >= input.created)
    stage("a container is asked for", input.container_asked);
  if (input.container_hello >= input.created)
    stage("the container says hello", input.container_hello);
  if (input.container_ready >= input.created) stage("its program is loaded", input.container_ready);
  stage("the container takes the input", input.started);
  stage("its result is there", input.done);
  stage("its result is on disk", input.kept_at);
  stage("the caller is sent the result", input.delivered);
}

}  // namespace

void Traces::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this, rpc::Table::kAdmin);
  on("Trace", &Traces::trace, rpc::Access::kOwner);
}

Result<TraceResponse> Traces::trace(rpc::Call&, const TraceRequest& request, core::Core& core) {
  const core::Call* call = core.call(CallId(request.function_call_id()));
  if (!call)
    return fail(Code::kNotFound, "function call '", request.function_call_id(),
                "' is not remembered: a call is while it runs, and for a minute after its results "
                "were read");
  TraceResponse reply;
  reply.set_all(static_cast<std::int32_t>(call->arrived()));
  for (const InputId& id : call->inputs) {
    if (reply.inputs_size() == kInputsMax) break;
    const core::Input& input = *core.input(id);
    TraceResponse::Input& row = *reply.add_inputs();
    row.set_index(input.index);
    row.set_input_id(id.str());
    row.set_task_id(input.task.str());
    row.set_attempts(static_cast<std::int32_t>(input.attempts + input.lost_containers));
    fill_stages(row, input);
  }
  return reply;
}

}  // namespace ionian::services
