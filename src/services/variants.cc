#include "services/variants.h"

#include <algorithm>
#include <cmath>

#include "base/cat.h"
#include "blobs/hash.h"
#include "services/apps.h"
#include "services/environments.h"
#include "services/functions.h"
#include "services/stable_bytes.h"

namespace ionian::services {
namespace {

using modal::client::Function;
using modal::client::FunctionOptions;

constexpr std::size_t kPageMax = 100;

// Clients write these twice: as settings, and as the older fields beside them.
void put_scaling(Function& d, const FunctionOptions& o) {
  auto& settings = *d.mutable_autoscaler_settings();
  if (o.has_warm_pool_size()) {
    d.set_warm_pool_size(o.warm_pool_size());
    settings.set_min_containers(o.warm_pool_size());
  }
  if (o.has_concurrency_limit()) {
    d.set_concurrency_limit(o.concurrency_limit());
    settings.set_max_containers(o.concurrency_limit());
  }
  if (o.has_buffer_containers()) {
    d.set__experimental_buffer_containers(o.buffer_containers());
    settings.set_buffer_containers(o.buffer_containers());
  }
  if (o.has_task_idle_timeout_secs()) {
    d.set_task_idle_timeout_secs(o.task_idle_timeout_secs());
    settings.set_scaledown_window(o.task_idle_timeout_secs());
  }
}

template <class Ids>
void put_list(Ids& into, const Ids& from, bool replace) {
  if (replace) into.Clear();
  into.MergeFrom(from);
}

// Clients write parameters in the order in which they were given, or in that of their names: in
// either they mean the same instance.
std::string params_of(const Function& d, const std::string& given) {
  modal::client::ClassParameterSet set;
  if (d.class_parameter_info().format() !=
          modal::client::ClassParameterInfo::PARAM_SERIALIZATION_FORMAT_PROTO ||
      !set.ParseFromString(given))
    return given;
  std::ranges::stable_sort(*set.mutable_parameters(), {},
                           [](const auto& parameter) { return parameter.name(); });
  return stable_bytes(set);
}

}  // namespace

Function with_options(Function d, const FunctionOptions& o) {
  put_list(*d.mutable_secret_ids(), o.secret_ids(), o.replace_secret_ids());
  put_list(*d.mutable_volume_mounts(), o.volume_mounts(), o.replace_volume_mounts());
  put_list(*d.mutable_cloud_bucket_mounts(), o.cloud_bucket_mounts(),
           o.replace_cloud_bucket_mounts());
  put_list(*d.mutable_mount_ids(), o.mount_ids(), false);
  if (o.has_resources()) {
    d.mutable_resources()->MergeFrom(o.resources());
    // The one GPU that is asked for now, in place of a list.
    if (o.resources().gpu_config().count() > 0) d.clear__experimental_task_templates();
  }
  if (o.has_retry_policy()) *d.mutable_retry_policy() = o.retry_policy();
  if (o.has_timeout_secs()) d.set_timeout_secs(o.timeout_secs());
  if (o.has_target_concurrent_inputs())
    d.set_target_concurrent_inputs(o.target_concurrent_inputs());
  if (o.has_max_concurrent_inputs()) d.set_max_concurrent_inputs(o.max_concurrent_inputs());
  if (o.has_batch_max_size()) d.set_batch_max_size(o.batch_max_size());
  if (o.has_batch_linger_ms()) d.set_batch_linger_ms(o.batch_linger_ms());
  if (o.has_scheduler_placement()) *d.mutable_scheduler_placement() = o.scheduler_placement();
  if (o.has_cloud_provider_str()) d.set_cloud_provider_str(o.cloud_provider_str());
  put_scaling(d, o);
  return d;
}

Function definition_of(const store::Variant& variant, Function base) {
  FunctionOptions options;
  if (variant.options.empty() || !options.ParseFromString(variant.options)) return base;
  return with_options(std::move(base), options);
}

modal::client::AutoscalerSettings settings_of_overrides(
    const std::vector<store::Override>& overrides) {
  modal::client::AutoscalerSettings settings;
  for (const store::Override& set : overrides)
    if (const auto* field = settings.GetDescriptor()->FindFieldByName(set.setting))
      settings.GetReflection()->SetUInt32(&settings, field, set.value);
  return settings;
}

void put_settings(core::FunctionConfig& config, const modal::client::AutoscalerSettings& settings) {
  if (settings.has_min_containers()) config.min_containers = settings.min_containers();
  if (settings.has_max_containers()) config.max_containers = settings.max_containers();
  if (settings.has_buffer_containers()) config.buffer_containers = settings.buffer_containers();
  if (settings.has_scaledown_window()) config.scaledown_window = 1s * settings.scaledown_window();
}

core::FunctionConfig config_now(store::View& view, const store::Function& record,
                                const Function& definition, const WorkspaceId& workspace) {
  core::FunctionConfig config = config_of(record, definition, workspace);
  put_settings(config, settings_of_overrides(store::list_overrides(view, record.id)));
  // One that no name leads to any more keeps nothing warm, whatever is asked of it.
  if (!record.live) config.min_containers = config.buffer_containers = 0;
  return config;
}

std::vector<core::FunctionConfig> configs_of(store::View& view, const store::Function& record,
                                             const Function& definition,
                                             const WorkspaceId& workspace) {
  std::vector<core::FunctionConfig> configs = {config_now(view, record, definition, workspace)};
  for (const store::Variant& variant : store::list_variants(view, record.id)) {
    store::Function as_variant = record;
    as_variant.id = variant.id;
    configs.push_back(config_now(view, as_variant, definition_of(variant, definition), workspace));
    configs.back().variant = true;
  }
  return configs;
}

// Of another workspace's id as much is asked of the store as of nobody's: time tells nothing.
const core::Function* function_here(store::View& view, core::Core& core, Time now,
                                    const WorkspaceId& workspace, const FunctionId& id) {
  const core::Function* known = core.function(id);
  if (known && known->config.workspace == workspace) return known;
  const auto variant = store::find_variant(view, id);
  auto record = store::find_function(view, workspace, variant ? variant->base : id);
  Function definition;
  if (!variant || !record || record->definition_id.empty() || !core.app(record->app) ||
      !definition.ParseFromString(record->definition))
    return nullptr;
  record->id = id;
  core::FunctionConfig config =
      config_now(view, *record, definition_of(*variant, std::move(definition)), workspace);
  config.variant = true;
  core.define_function(now, std::move(config));
  return core.function(id);
}

const core::Function* function_here(const Context& c, core::Core& core, Time now,
                                    const WorkspaceId& workspace, const FunctionId& id) {
  const core::Function* known = core.function(id);
  if (known && known->config.workspace == workspace) return known;
  return c.store.read(
      [&](store::View& view) { return function_here(view, core, now, workspace, id); });
}

void Variants::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionBindParams", &Variants::bind_params);
  on("FunctionListVariants", &Variants::list, rpc::Access::kView);
}

Result<modal::client::FunctionBindParamsResponse> Variants::bind_params(
    rpc::Call& call, const modal::client::FunctionBindParamsRequest& request, store::Tx& tx) {
  if (store::find_variant(tx, FunctionId(request.function_id())))
    return fail(Code::kInvalidArgument, "function '", request.function_id(),
                "' is a variant itself: bind parameters and options to its base");
  const auto base =
      store::find_function(tx, call.caller.workspace, FunctionId(request.function_id()));
  Function definition;
  if (!base || base->definition_id.empty() || !definition.ParseFromString(base->definition) ||
      !app_of(c_, tx, call, base->app.str()))
    return fail(Code::kNotFound, "function '", request.function_id(), "' not found");
  if (!request.environment_name().empty())
    TRY(environment_of(c_, tx, call, request.environment_name()));
  store::Variant variant{.base = base->id,
                         .params = params_of(definition, request.serialized_params())};
  if (request.has_function_options()) variant.options = stable_bytes(request.function_options());
  variant.key = blobs::sha256_hex(cat(variant.params.size(), ' ', variant.params, variant.options));
  definition = definition_of(variant, std::move(definition));
  TRY(check_definition(c_, tx, call, definition));
  if (const auto known = store::find_variant_by_key(tx, variant.base, variant.key)) {
    variant.id = known->id;
  } else {
    variant.id = FunctionId::make(c_.random, call.now);
    store::insert_variant(tx, variant, call.now);
  }
  store::Function record = *base;
  record.id = variant.id;
  core::FunctionConfig config = config_now(tx, record, definition, call.caller.workspace);
  config.variant = true;
  call.after_commit([this, config = std::move(config)] {
    c_.core_loop.post([this, config] {
      if (!c_.core.function(config.id)) c_.core.define_function(c_.clock.now(), config);
    });
  });
  modal::client::FunctionBindParamsResponse reply;
  reply.set_bound_function_id(variant.id.str());
  *reply.mutable_handle_metadata() = handle_of(*base, definition);
  reply.mutable_handle_metadata()->set_base_function_id(base->id.str());
  return reply;
}

Result<modal::client::FunctionListVariantsResponse> Variants::list(
    rpc::Call& call, const modal::client::FunctionListVariantsRequest& request, store::View& view) {
  const auto base =
      store::find_function_or_base(view, call.caller.workspace, FunctionId(request.function_id()));
  if (!base || !app_of(c_, view, call, base->app.str()))
    return fail(Code::kNotFound, "function '", request.function_id(), "' not found");
  store::VariantCursor after{.created_before = call.now + 1s, .id = FunctionId()};
  if (request.has_cursor()) {
    // Seconds on the wire, milliseconds on disk.
    const auto ms = std::llround(request.cursor().created_before() * 1000);
    after = {.created_before = from_unix_ms(ms), .id = FunctionId(request.cursor().function_id())};
  }
  const std::size_t most =
      request.limit() ? std::min<std::size_t>(request.limit(), kPageMax) : kPageMax;
  std::vector<store::Variant> page = store::list_variants(view, base->id, after, most + 1);
  modal::client::FunctionListVariantsResponse reply;
  const bool more = page.size() > most;
  if (more) page.pop_back();
  for (const store::Variant& variant : page) {
    auto* info = reply.add_infos();
    info->set_function_id(variant.id.str());
    info->set_serialized_params(variant.params);
    if (!variant.options.empty())
      info->mutable_function_options()->ParseFromString(variant.options);
  }
  if (more) {
    reply.mutable_next_cursor()->set_created_before(to_unix_seconds(page.back().created_at));
    reply.mutable_next_cursor()->set_function_id(page.back().id.str());
  }
  return reply;
}

}  // namespace ionian::services
