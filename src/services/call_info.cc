#include "services/call_info.h"

#include <ranges>

#include "services/calls.h"
#include "services/finished_calls.h"
#include "services/variants.h"
#include "store/variants.h"

namespace ionian::services {
namespace {

using modal::client::FunctionCallInfo;

constexpr std::size_t kGraphInputsMax = 1000;

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

constexpr std::size_t kPageBytes = 16 << 20;

// What became of a call that lies on disk, a page of its outputs at a time: a call of very many is
// never held whole.
void fill_info(const Context& c, FunctionCallInfo& info, const FinishedCall& call) {
  info.set_function_call_id(call.record.id.str());
  info.set_created_at(to_unix_seconds(call.record.created_at));
  info.set_scheduled_at(to_unix_seconds(call.record.scheduled_at.value_or(call.record.created_at)));
  info.set_total_inputs(static_cast<std::int32_t>(call.inputs));
  for (std::int32_t first = 0; first <= call.last_index;) {
    const auto page = c.store.read([&](store::View& view) {
      return store::list_outputs(
          view, call.record.id,
          {.first = first, .last = call.last_index, .most = 1000, .bytes_max = kPageBytes});
    });
    if (page.empty()) return;
    for (const store::CallInput& input : page) {
      modal::client::FunctionGetOutputsItem item;
      item.ParseFromString(input.output);
      auto* of = category(info, static_cast<core::Outcome>(item.result().status()));
      of->set_total(of->total() + 1);
    }
    first = page.back().index + 1;
  }
}

// The call alone, with as many of its inputs as a graph has.
modal::client::FunctionGetCallGraphResponse graph_of(const Context& c, const FinishedCall& call) {
  modal::client::FunctionGetCallGraphResponse reply;
  reply.set_truncated(true);
  const auto [definition, inputs] = c.store.read([&](store::View& view) {
    const auto record =
        store::find_function_or_base(view, call.record.workspace, call.record.function);
    const store::OutputsAsked asked{
        .first = 0, .last = call.last_index, .most = kGraphInputsMax, .bytes_max = kPageBytes};
    return std::pair{record ? record->definition : "",
                     store::list_outputs(view, call.record.id, asked)};
  });
  modal::client::Function function;
  function.ParseFromString(definition);
  auto* node = reply.add_function_calls();
  node->set_function_call_id(call.record.id.str());
  node->set_function_name(function.function_name());
  node->set_module_name(function.module_name());
  for (const store::CallInput& input : inputs) {
    modal::client::FunctionGetOutputsItem item;
    item.ParseFromString(input.output);
    auto* leaf = reply.add_inputs();
    leaf->set_input_id(input.id.str());
    leaf->set_status(item.result().status());
    leaf->set_function_call_id(call.record.id.str());
    leaf->set_task_id(item.task_id());
  }
  return reply;
}

// One that the asker may see and that has too many inputs to be brought back for a question.
std::optional<FinishedCall> find_large_call(const Context& c, const core::Core& core,
                                            const rpc::Call& call, const std::string& id) {
  auto over = find_finished_call(c, core, call.caller.workspace, CallId(id));
  if (!over || over->inputs <= kGraphInputsMax) return std::nullopt;
  if (!c.access.check(call, &over->environment, {"function call", id})) return std::nullopt;
  return over;
}

using Seen = std::function<bool(const core::Call&)>;

// The call at the top of the tree: the one that no input has made, or whose maker is forgotten or
// not for the asker to see.
const core::Call* root_of(const core::Core& core, const core::Call* call, const Seen& seen) {
  std::set<CallId> passed;  // ids come from clients, and could form a ring
  while (passed.insert(call->id).second) {
    const core::Input* parent = core.input(call->parent_input);
    if (!parent || !seen(*core.call(parent->call))) break;
    call = core.call(parent->call);
  }
  return call;
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
  modal::client::FunctionCallGetInfoResponse reply;
  if (const auto large = find_large_call(c_, core, call, request.function_call_id())) {
    fill_info(c_, *reply.mutable_info(), *large);
    return reply;
  }
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
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
  if (const auto large = find_large_call(c_, core, call, request.function_call_id()))
    return graph_of(c_, *large);
  ASSIGN_OR_RETURN(const core::Call* found, call_of(c_, core, call, request.function_call_id()));
  // Calls cross apps and environments, but neither workspaces nor what the asker may see.
  const Seen seen = [&](const core::Call& each) {
    return each.workspace == found->workspace &&
           c_.access.check(call, &core.app(each.app)->environment, {"function call", each.id.str()})
               .has_value();
  };
  modal::client::FunctionGetCallGraphResponse reply;
  std::map<FunctionId, modal::client::Function> definitions;
  std::vector<const core::Call*> open = {root_of(core, found, seen)};
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
      if (static_cast<std::size_t>(reply.inputs_size()) == kGraphInputsMax) {
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
      for (const core::Call* child : core.calls_made_by(of.workspace, id))
        if (seen(*child)) open.push_back(child);
    }
  }
  return reply;
}

}  // namespace ionian::services
