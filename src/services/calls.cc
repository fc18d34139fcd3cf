#include "services/calls.h"

#include <algorithm>

#include "base/base64.h"
#include "services/finished_calls.h"
#include "services/kept_calls.h"
#include "services/variants.h"

namespace ionian::services {
namespace {

constexpr std::size_t kReplyBytes = 16 << 20;
constexpr std::size_t kStreamBytes = 16 << 20;  // of what a generator yielded, in one stream

// Clients decode the middle part to find their item again, and send the whole back to have the
// input retried. It carries no right: the id, which stands for a signature, is checked against the
// caller.
std::string input_jwt(std::int32_t index, const InputId& id) {
  return cat("e30.", base64url(cat("{\"idx\":", index, ",\"input_id\":\"", id, "\"}")), ".", id);
}
std::string call_jwt(const CallId& id) {
  return cat("e30.", base64url(cat("{\"function_call_id\":\"", id, "\"}")), ".", id);
}
template <class Id>
Result<Id> id_in(const std::string& jwt) {
  if (std::ranges::count(jwt, '.') != 2)
    return fail(Code::kInvalidArgument, "'", jwt,
                "' is not a token of a function call or an input");
  return Id(jwt.substr(jwt.rfind('.') + 1));
}

std::vector<core::NewInput> inputs_of(
    const google::protobuf::RepeatedPtrField<modal::client::FunctionPutInputsItem>& items) {
  std::vector<core::NewInput> inputs;
  for (const auto& item : items)
    inputs.push_back({.index = item.idx(),
                      .method = item.input().method_name(),
                      .payload = item.input().SerializeAsString()});
  return inputs;
}

template <class Reply>
void fill_items(
    Reply* into,
    const google::protobuf::RepeatedPtrField<modal::client::FunctionPutInputsItem>& items,
    const std::vector<InputId>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto* item = into->Add();
    item->set_idx(items[static_cast<int>(i)].idx());
    item->set_input_id(ids[i].str());
    item->set_input_jwt(input_jwt(item->idx(), ids[i]));
  }
}

}  // namespace

Result<const core::Call*> call_of(const Context& c, core::Core& core, const rpc::Call& call,
                                  const std::string& id) {
  const core::Call* found = core.call(CallId(id));
  if (!found || found->workspace != call.caller.workspace)
    found = load_call(c, core, call.now, call.caller.workspace, CallId(id));
  TRY(c.access.check(call, found ? &core.app(found->app)->environment : nullptr,
                     {"function call", id}));
  return found;
}

void Calls::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionMap", &Calls::start);
  on("FunctionPutInputs", &Calls::put_inputs);
  on("FunctionRetryInputs", &Calls::retry_inputs);
  on("FunctionGetOutputs", &Calls::get_outputs, rpc::Access::kView);
  on("FunctionFinishInputs", &Calls::finish_inputs);
  on("FunctionCallFromId", &Calls::from_id, rpc::Access::kView);
  on("FunctionCallCancel", &Calls::cancel);
  on("FunctionCallGetDataOut", &Calls::get_data_out, rpc::Access::kView);
}

Result<modal::client::FunctionMapResponse> Calls::start(
    rpc::Call& call, const modal::client::FunctionMapRequest& request, core::Core& core) {
  const int kind = request.function_call_invocation_type();
  core::NewCall fresh{.function = FunctionId(request.function_id()),
                      .workspace = call.caller.workspace,
                      .parent_input = InputId(request.parent_input_id()),
                      .type = request.function_call_type() == modal::client::FUNCTION_CALL_TYPE_MAP
                                  ? core::CallType::kMap
                                  : core::CallType::kUnary};
  fresh.invocation_type = kind;
  fresh.from_container = call.caller.kind == rpc::CallerKind::kTask;
  fresh.asynchronous = kind == modal::client::FUNCTION_CALL_INVOCATION_TYPE_ASYNC ||
                       kind == modal::client::FUNCTION_CALL_INVOCATION_TYPE_ASYNC_LEGACY;
  const core::Function* function =
      function_here(c_, core, call.now, fresh.workspace, fresh.function);
  const bool here = function && function->config.workspace == fresh.workspace;
  TRY(c_.access.check(
      call, here ? &core.app(function->config.app)->environment : nullptr,
      {"function", request.function_id(), "does not exist, or its app is stopped"}));
  ASSIGN_OR_RETURN(const CallId id, core.start_call(call.now, fresh));
  auto ids = core.put_inputs(call.now, id, inputs_of(request.pipelined_inputs()));
  if (!ids) {
    core.cancel_empty_call(id);
    return std::unexpected(ids.error());
  }
  modal::client::FunctionMapResponse reply;
  reply.set_function_call_id(id.str());
  reply.set_function_call_jwt(call_jwt(id));
  reply.set_sync_client_retries_enabled(false);
  reply.set_max_inputs_outstanding(c_.function_limits.map_inputs);
  fill_items(reply.mutable_pipelined_inputs(), request.pipelined_inputs(), *ids);
  if (fresh.asynchronous) keep_call(c_, call, *core.call(id), *ids, true, reply);
  return reply;
}

Result<modal::client::FunctionPutInputsResponse> Calls::put_inputs(
    rpc::Call& call, const modal::client::FunctionPutInputsRequest& request, core::Core& core) {
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
  ASSIGN_OR_RETURN(const std::vector<InputId> ids,
                   core.put_inputs(call.now, found->id, inputs_of(request.inputs())));
  modal::client::FunctionPutInputsResponse reply;
  fill_items(reply.mutable_inputs(), request.inputs(), ids);
  if (found->asynchronous) keep_call(c_, call, *found, ids, false, reply);
  return reply;
}

Result<modal::client::FunctionRetryInputsResponse> Calls::retry_inputs(
    rpc::Call& call, const modal::client::FunctionRetryInputsRequest& request, core::Core& core) {
  ASSIGN_OR_RETURN(const CallId id, id_in<CallId>(request.function_call_jwt()));
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, id.str()));
  modal::client::FunctionRetryInputsResponse reply;
  for (const auto& item : request.inputs()) {
    ASSIGN_OR_RETURN(const InputId input, id_in<InputId>(item.input_jwt()));
    TRY(core.retry_input(call.now, found->id, input,
                         {.payload = item.input().SerializeAsString()}));
    reply.add_input_jwts(item.input_jwt());
  }
  return reply;
}

namespace {

// Nobody waits for what nobody can bring.
Result<void> check_number(const modal::client::FunctionGetOutputsRequest& request,
                          std::size_t inputs, std::int32_t last) {
  if (inputs == 0 || request.start_idx() <= last) return {};
  return fail(Code::kOutOfRange, "function call '", request.function_call_id(),
              "' has no input of number ", request.start_idx(), ": the last one is ", last);
}

// The reader is told of what comes, or that nothing has come.
void wait_for_outputs(const Context& c, rpc::Call& call,
                      const modal::client::FunctionGetOutputsRequest& request) {
  const Duration asked = from_seconds(std::min<double>(request.timeout(), 300));
  call.wait_until(call.now + std::min(asked, c.function_limits.longest_wait));
  call.watch(core::outputs_key(CallId(request.function_call_id())));
}

}  // namespace

// Of a call that need not be brought back for it.
std::optional<Result<modal::client::FunctionGetOutputsResponse>> Calls::finished_outputs(
    const FinishedCall& finished, rpc::Call& call,
    const modal::client::FunctionGetOutputsRequest& request) {
  const Result<void> allowed =
      c_.access.check(call, &finished.environment, {"function call", request.function_call_id()});
  if (!allowed) return fail(allowed.error().code, allowed.error().message);
  if (auto there = check_number(request, finished.inputs, finished.last_index); !there)
    return std::unexpected(there.error());
  auto reply = outputs_of(c_, finished, request, kReplyBytes);
  if (reply.outputs().empty() && !call.timed_out && request.timeout() > 0) {
    wait_for_outputs(c_, call, request);  // somebody may still add inputs
    return std::nullopt;
  }
  return reply;
}

std::optional<Result<modal::client::FunctionGetOutputsResponse>> Calls::get_outputs(
    rpc::Call& call, const modal::client::FunctionGetOutputsRequest& request, core::Core& core) {
  const auto finished =
      find_finished_call(c_, core, call.caller.workspace, CallId(request.function_call_id()));
  if (finished && can_be_read_on_disk(*finished, request))
    return finished_outputs(*finished, call, request);
  const Result<const core::Call*> found = call_of(c_, core, call, request.function_call_id());
  if (!found) return fail(found.error().code, found.error().message);
  const core::Call& of = **found;
  modal::client::FunctionGetOutputsResponse reply;
  const auto wanted = [&](const core::Input& input) {
    return (!request.has_start_idx() || input.index >= request.start_idx()) &&
           (!request.has_end_idx() || input.index <= request.end_idx());
  };
  if (auto there = check_number(request, of.arrived(), of.last_index); !there)
    return std::unexpected(there.error());
  const int most = request.max_values() > 0 ? request.max_values() : 1000;
  // One that has read by number, on disk, begins anew where inputs were added.
  const Cursor cursor = cursor_of(request.last_entry_id());
  std::size_t at = cursor.by_number ? 0 : cursor.place;
  core.attend(call.now, of.id, at);
  if (call.caller.kind == rpc::CallerKind::kTask && request.timeout() > 0)
    core.await_inside(call.now, of.id);
  at = std::max(at, of.read);
  std::size_t bytes = 0;
  const auto take = [&](std::size_t position) {
    const core::Input& input = *core.input(of.output(position));
    bytes += input.result.generic_result.size();
    *reply.add_outputs() = output_item(input);
    reply.add_idxs(input.index);
    core.deliver(call.now, of.id, position, position + 1);
  };
  if (of.asynchronous && at == 0 && asks_for_few(request)) {
    // Each input of a call of very many may be asked for alone, so the others are not looked at.
    const auto end = of.by_index.upper_bound(request.end_idx());
    auto it = of.by_index.lower_bound(request.start_idx());
    for (; it != end && bytes < kReplyBytes; ++it) take(it->second);
    if (it == end) at = of.published;
  }
  for (; at < of.published && reply.outputs_size() < most && bytes < kReplyBytes; ++at)
    if (wanted(*core.input(of.output(at)))) take(at);
  reply.set_last_entry_id(cat(at, "-0"));
  reply.set_num_unfinished_inputs(static_cast<std::int32_t>(of.arrived() - of.published));
  if (reply.outputs_size() == 0 && !call.timed_out && request.timeout() > 0) {
    wait_for_outputs(c_, call, request);
    return std::nullopt;
  }
  if (request.clear_on_success() && (reply.outputs_size() > 0 || of.published == of.arrived()))
    core.release_call(call.now, of.id);
  return reply;
}

Result<Calls::Empty> Calls::finish_inputs(rpc::Call& call,
                                          const modal::client::FunctionFinishInputsRequest& request,
                                          core::Core& core) {
  TRY(call_of(c_, core, call, request.function_call_id()));
  return Empty();
}

Result<Calls::Empty> Calls::cancel(rpc::Call& call,
                                   const modal::client::FunctionCallCancelRequest& request,
                                   core::Core& core) {
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
  if (!request.function_id().empty() && request.function_id() != found->function.str())
    return fail(Code::kNotFound, "function call '", request.function_call_id(),
                "' is not one of function '", request.function_id(), "'");
  core.cancel_call(call.now, found->id, request.terminate_containers());
  if (found->asynchronous) keep_cancel(c_, call, found->id);
  return Empty();
}

Result<modal::client::FunctionCallFromIdResponse> Calls::from_id(
    rpc::Call& call, const modal::client::FunctionCallFromIdRequest& request, core::Core& core) {
  const std::string& id = request.function_call_id();
  modal::client::FunctionCallFromIdResponse reply;
  const auto fill = [&](std::size_t inputs, const AppId& app, const FunctionId& function) {
    reply.set_function_call_id(id);
    reply.set_num_inputs(static_cast<std::int32_t>(inputs));
    reply.mutable_metadata()->set_app_id(app.str());
    reply.mutable_metadata()->set_function_id(function.str());
  };
  if (const auto over = find_finished_call(c_, core, call.caller.workspace, CallId(id))) {
    TRY(c_.access.check(call, &over->environment, {"function call", id}));
    fill(over->inputs, over->record.app, over->record.function);
    return reply;
  }
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, id));
  fill(found->arrived(), found->app, found->function);
  return reply;
}

std::optional<Status> Calls::get_data_out(rpc::Call& call,
                                          const modal::client::FunctionCallGetDataRequest& request,
                                          core::Core& core,
                                          rpc::Emit<modal::client::DataChunk>& emit) {
  const Result<const core::Call*> found = call_of(c_, core, call, request.function_call_id());
  if (!found) return found.error();
  const core::Call& of = **found;
  core.await_data_out(call.now, of.id, request.last_index());
  struct Reading {
    std::optional<std::uint64_t> next;
    std::size_t sent = 0;  // bytes
  };
  auto& [next, sent] = call.state<Reading>();
  if (!next) {
    next = request.last_index() + 1;
    call.wait_until(call.now + 55s);
  }
  if (*next <= of.data_out_read)
    return Status(Code::kFailedPrecondition,
                  cat("what function call ", of.id, " yielded was read up to its value number ",
                      of.data_out_read, ", and is not kept; only a spawned generator's is"));
  std::size_t bytes = 0;
  for (; *next - of.data_out_read <= of.data_out.size() && bytes < kReplyBytes; ++*next) {
    const std::string& serialized = of.data_out[*next - of.data_out_read - 1].serialized;
    modal::client::DataChunk chunk;
    chunk.ParseFromString(serialized);
    bytes += serialized.size();
    emit(std::move(chunk));
  }
  sent += bytes;
  // It asks again from where it has got to, and what it has can go.
  if (sent >= kStreamBytes) return Status::ok_status();
  if (!emit.empty()) return std::nullopt;
  if (call.timed_out || of.done == of.arrived()) return Status::ok_status();
  call.watch(core::data_out_key(of.id));
  return std::nullopt;
}

}  // namespace ionian::services
