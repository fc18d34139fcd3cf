#include "services/scaling.h"

#include "services/apps.h"
#include "services/deployments.h"
#include "services/functions.h"
#include "services/variants.h"

namespace ionian::services {
namespace {

using modal::client::AutoscalerSettings;

AutoscalerSettings settings_of(const core::FunctionConfig& config) {
  AutoscalerSettings settings;
  settings.set_min_containers(config.min_containers);
  settings.set_max_containers(config.max_containers);
  settings.set_buffer_containers(config.buffer_containers);
  settings.set_scaledown_window(static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(config.scaledown_window).count()));
  return settings;
}

}  // namespace

void Scaling::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionUpdateSchedulingParams", &Scaling::update);
  on("FunctionGetSchedulingParams", &Scaling::get, rpc::Access::kView);
  on("FunctionGetDynamicConcurrency", &Scaling::concurrency, rpc::Access::kContainer);
  on("FunctionGetCurrentStats", &Scaling::stats, rpc::Access::kView);
}

Result<const core::Function*> Scaling::function_of(const rpc::Call& call, core::Core& core,
                                                   const std::string& id) const {
  const core::Function* found =
      function_here(c_, core, call.now, call.caller.workspace, FunctionId(id));
  const bool here = found && found->config.workspace == call.caller.workspace;
  TRY(c_.access.check(call, here ? &core.app(found->config.app)->environment : nullptr,
                      {"function", id, "does not exist, or its app is stopped"}));
  return found;
}

Result<Scaling::Found> Scaling::found(rpc::Call& call, store::View& view,
                                      const std::string& id) const {
  const auto variant = store::find_variant(view, FunctionId(id));
  auto record = store::find_function_or_base(view, call.caller.workspace, FunctionId(id));
  Found it;
  if (!record || record->definition_id.empty() || !app_of(c_, view, call, record->app.str()) ||
      !it.definition.ParseFromString(record->definition))
    return fail(Code::kNotFound, "function '", id, "' does not exist");
  if (variant) {
    it.definition = definition_of(*variant, std::move(it.definition));
    record->id = variant->id;
    it.variant = true;
  }
  it.record = *std::move(record);
  return it;
}

Result<modal::client::FunctionUpdateSchedulingParamsResponse> Scaling::update(
    rpc::Call& call, const modal::client::FunctionUpdateSchedulingParamsRequest& request,
    store::Tx& tx) {
  ASSIGN_OR_RETURN(const Found it, found(call, tx, request.function_id()));
  AutoscalerSettings wanted = request.settings();
  if (!request.has_settings()) wanted.set_min_containers(request.warm_pool_size_override());
  if (wanted.has_target_concurrency() || wanted.has_target_concurrency_float() ||
      wanted.has_scaleup_window() || wanted.has_scaledown_rate_limit())
    return fail(Code::kInvalidArgument,
                "target_concurrency, scaleup_window and scaledown_rate_limit are settings of "
                "servers (@app.server); '",
                it.record.tag, "' is a function");
  core::FunctionConfig config = config_now(tx, it.record, it.definition, call.caller.workspace);
  put_settings(config, wanted);
  if (config.max_containers && config.min_containers > config.max_containers)
    return fail(Code::kInvalidArgument, "min_containers (", config.min_containers, ") of '",
                config.tag, "' is over max_containers (", config.max_containers, ")");
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  wanted.GetReflection()->ListFields(wanted, &fields);
  for (const auto* field : fields)
    store::set_override(tx, it.record.id,
                        {.setting = field->name(),
                         .value = wanted.GetReflection()->GetUInt32(wanted, field),
                         .set_by = call.caller.principal,
                         .set_at = call.now});
  config = config_now(tx, it.record, it.definition, call.caller.workspace);
  config.variant = it.variant;
  modal::client::FunctionUpdateSchedulingParamsResponse reply;
  *reply.mutable_current_settings() = settings_of(config);
  call.after_commit([this, config] {
    c_.core_loop.post([this, config] {
      if (config.variant || c_.core.function(config.id))
        c_.core.redefine_function(c_.clock.now(), config);
    });
  });
  return reply;
}

Result<modal::client::FunctionGetSchedulingParamsResponse> Scaling::get(
    rpc::Call& call, const modal::client::FunctionGetSchedulingParamsRequest& request,
    store::View& view) {
  ASSIGN_OR_RETURN(const Found it, found(call, view, request.function_id()));
  const WorkspaceId& workspace = call.caller.workspace;
  modal::client::FunctionGetSchedulingParamsResponse reply;
  auto& configuration = *reply.mutable_autoscaler_configuration();
  *configuration.mutable_settings() =
      settings_of(config_now(view, it.record, it.definition, workspace));
  *configuration.mutable_static_settings() =
      settings_of(config_of(it.record, it.definition, workspace));
  const std::vector<store::Override> overrides = store::list_overrides(view, it.record.id);
  *configuration.mutable_override_settings() = settings_of_overrides(overrides);
  for (const store::Override& set : overrides) {
    auto& event = (*configuration.mutable_override_events())[set.setting];
    (UserId(set.set_by).well_formed() ? event.mutable_user_id() : event.mutable_service_user_id())
        ->assign(set.set_by);
    event.set_requested_by(name_of_principal(view, workspace, set.set_by));
    event.set_timestamp(to_unix_seconds(set.set_at));
  }
  return reply;
}

Result<modal::client::FunctionGetDynamicConcurrencyResponse> Scaling::concurrency(
    rpc::Call& call, const modal::client::FunctionGetDynamicConcurrencyRequest&, core::Core& core) {
  modal::client::FunctionGetDynamicConcurrencyResponse reply;
  const core::Task* task = core.task(call.caller.task);
  if (!task) return fail(Code::kNotFound, "container '", call.caller.task, "' not found");
  reply.set_concurrency(static_cast<std::uint32_t>(core.concurrency_now(task->function)));
  return reply;
}

Result<modal::client::FunctionStats> Scaling::stats(
    rpc::Call& call, const modal::client::FunctionGetCurrentStatsRequest& request,
    core::Core& core) {
  ASSIGN_OR_RETURN(const core::Function* function, function_of(call, core, request.function_id()));
  modal::client::FunctionStats reply;
  std::size_t running = 0;
  for (const TaskId& id : function->tasks) running += core.task(id)->running.size();
  reply.set_backlog(static_cast<std::uint32_t>(function->pending.size()));
  reply.set_num_total_tasks(static_cast<std::uint32_t>(function->tasks.size()));
  reply.set_num_running_inputs(static_cast<std::uint32_t>(running));
  reply.set_input_headroom(static_cast<std::uint32_t>(core.headroom(function->config.id)));
  return reply;
}

}  // namespace ionian::services
