#include "services/call_info.h"

#include <ranges>

#include "services/calls.h"
#include "services/variants.h"
#include "store/variants.h"

namespace ionian::services {
namespace {

using modal::client::FunctionCallInfo;

constexpr int kGraphInputsMax = 1000;

modal::client::InputCategoryInfo* category(FunctionCallInfo& info, core::Outcome outcome) {
  switch (outcome) {
    case core::Outcome::kSuccess:
      return info.mutable_succeeded_inputs();
    case core::Outcome::kTimeout:
      return info.mutable_timeout_inputs();
    case core::Outcome::kTerminated:
      return info.mutable_cancelled_inputs();
    default:
      return info.mutable_failed_inputs();
  }
}

void fill_info(FunctionCallInfo& info, const core::Core& core, const core::Call& call) {
  info.set_function_call_id(call.id.str());
  info.set_created_at(to_unix_seconds(call.created));
  info.set_scheduled_at(to_unix_seconds(call.scheduled.value_or(call.created)));
  info.set_total_inputs(static_cast<std::int32_t>(call.arrived()));
  const auto count = [](modal::client::InputCategoryInfo* of, std::size_t more) {
    of->set_total(of->total() + static_cast<std::int32_t>(more));
  };
  for (const auto& [outcome, many] : call.forgotten_outcomes) count(category(info, outcome), many);
  for (const InputId& id : call.inputs) {
    const core::Input& input = *core.input(id);
    count(input.kept ? category(info, input.result.outcome) : info.mutable_pending_inputs(), 1);
  }
}

// The call at the top of the tree: the one that no input has made, or whose maker is forgotten.
const core::Call* root_of(const core::Core& core, const core::Call* call) {
  std::set<CallId> seen;  // ids come from clients, and could form a ring
  while (seen.insert(call->id).second) {
    const core::Input* parent = core.input(call->parent_input);
    if (!parent) break;
    call = core.call(parent->call);
  }
  return call;
}

// By the input that made them; of the calls of one app.
std::multimap<InputId, const core::Call*> children_in(const core::Core& core,
                                                      const core::App& app) {
  std::multimap<InputId, const core::Call*> children;
  for (const CallId& id : app.calls)
    if (const core::Call* call = core.call(id); !call->parent_input.empty())
      children.emplace(call->parent_input, call);
  return children;
}

}  // namespace

void CallInfo::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionCallGetInfo", &CallInfo::get_info, rpc::Access::kView);
  on("FunctionCallList", &CallInfo::list, rpc::Access::kView);
  on("FunctionGetCallGraph", &CallInfo::get_call_graph, rpc::Access::kView);
}

Result<modal::client::FunctionCallGetInfoResponse> CallInfo::get_info(
    rpc::Call& call, const modal::client::FunctionCallGetInfoRequest& request, core::Core& core) {
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
  modal::client::FunctionCallGetInfoResponse reply;
  fill_info(*reply.mutable_info(), core, *found);
  return reply;
}

Result<modal::client::FunctionCallListResponse> CallInfo::list(
    rpc::Call& call, const modal::client::FunctionCallListRequest& request, core::Core& core) {
  const FunctionId id(request.function_id());
  const core::Function* function = function_here(c_, core, call.now, call.caller.workspace, id);
  const bool here = function && function->config.workspace == call.caller.workspace;
  const core::App* app = here ? core.app(function->config.app) : nullptr;
  TRY(c_.access.check(call, app ? &app->environment : nullptr,
                      {"function", id.str(), "does not exist, or its app is stopped"}));
  modal::client::FunctionCallListResponse reply;
  std::size_t counted = 0;
  // Ids begin with the time of their making.
  for (const CallId& each : app->calls | std::views::reverse) {
    if (reply.function_calls_size() == kListed || counted >= kCounted) break;
    const core::Call& of = *core.call(each);
    if (of.function != id) continue;
    counted += of.inputs.size();
    FunctionCallInfo& info = *reply.add_function_calls();
    info.set_idx(reply.function_calls_size() - 1);
    fill_info(info, core, of);
  }
  return reply;
}

Result<modal::client::FunctionGetCallGraphResponse> CallInfo::get_call_graph(
    rpc::Call& call, const modal::client::FunctionGetCallGraphRequest& request, core::Core& core) {
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
  const auto children = children_in(core, *core.app(found->app));
  modal::client::FunctionGetCallGraphResponse reply;
  std::map<FunctionId, modal::client::Function> definitions;
  std::vector<const core::Call*> open = {root_of(core, found)};
  for (std::size_t next = 0; next < open.size(); ++next) {
    const core::Call& of = *open[next];
    if (!definitions.contains(of.function)) {
      const auto record = c_.store.read([&](store::View& view) {
        return store::find_function_or_base(view, of.workspace, of.function);
      });
      definitions[of.function].ParseFromString(record ? record->definition : "");
    }
    auto* node = reply.add_function_calls();
    node->set_function_call_id(of.id.str());
    node->set_parent_input_id(next == 0 ? "" : of.parent_input.str());
    node->set_function_name(definitions[of.function].function_name());
    node->set_module_name(definitions[of.function].module_name());
    for (const InputId& id : of.inputs) {
      if (reply.inputs_size() == kGraphInputsMax) {
        reply.set_truncated(true);
        return reply;
      }
      const core::Input& input = *core.input(id);
      auto* leaf = reply.add_inputs();
      leaf->set_input_id(id.str());
      leaf->set_status(
          static_cast<modal::client::GenericResult::GenericStatus>(input.result.outcome));
      leaf->set_function_call_id(of.id.str());
      leaf->set_task_id(input.task.str());
      for (auto [it, end] = children.equal_range(id); it != end; ++it) open.push_back(it->second);
    }
  }
  return reply;
}

}  // namespace ionian::services
