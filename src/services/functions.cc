#include "services/functions.h"

#include <array>
#include <set>

#include "images/layered_tree.h"
#include "services/apps.h"
#include "services/buckets.h"
#include "services/schedules.h"
#include "services/secrets.h"
#include "services/shared_volumes.h"
#include "services/variants.h"
#include "services/volumes.h"
#include "store/deployments.h"
#include "store/images.h"
#include "store/overrides.h"
#include "store/secrets.h"

namespace ionian::services {
namespace {

using modal::client::Function;

// Either form of the request as one definition.
Result<Function> definition_of(const modal::client::FunctionCreateRequest& request) {
  if (!request.has_function_data()) return request.function();
  const modal::client::FunctionData& data = request.function_data();
  if (data.ranked_functions().empty())
    return fail(Code::kInvalidArgument, "function_data holds no ranked function");
  const auto first =
      std::min_element(data.ranked_functions().begin(), data.ranked_functions().end(),
                       [](const auto& a, const auto& b) { return a.rank() < b.rank(); });
  // What stands beside the alternatives holds for all of them.
  Function shared;
  shared.set_module_name(data.module_name());
  shared.set_function_name(data.function_name());
  shared.set_function_type(data.function_type());
  shared.set_timeout_secs(data.timeout_secs());
  shared.set_startup_timeout_secs(data.startup_timeout_secs());
  shared.set_warm_pool_size(data.warm_pool_size());
  shared.set_concurrency_limit(data.concurrency_limit());
  shared.set_task_idle_timeout_secs(data.task_idle_timeout_secs());
  shared.set_is_class(data.is_class());
  shared.set_implementation_name(data.implementation_name());
  if (data.has_autoscaler_settings())
    *shared.mutable_autoscaler_settings() = data.autoscaler_settings();
  shared.mutable_supported_input_formats()->CopyFrom(data.supported_input_formats());
  shared.mutable_supported_output_formats()->CopyFrom(data.supported_output_formats());
  Function definition = first->function();
  // The other alternatives are remembered where clients of 2025 put them.
  definition.clear__experimental_task_templates();
  for (const auto& ranked : data.ranked_functions()) {
    auto* alternative = definition.add__experimental_task_templates();
    alternative->set_rank(ranked.rank());
    *alternative->mutable_resources() = ranked.function().resources();
  }
  // Repeated fields would add up; the alternative's own win.
  if (!definition.supported_input_formats().empty()) shared.clear_supported_input_formats();
  if (!definition.supported_output_formats().empty()) shared.clear_supported_output_formats();
  definition.MergeFrom(shared);
  if (definition.experimental_options().empty())
    *definition.mutable_experimental_options() = data.experimental_options();
  if (definition.method_definitions().empty())
    for (const auto& [name, method] : data.method_definitions())
      (*definition.mutable_method_definitions())[name] = method;
  return definition;
}

// A function that would be there and not do what its author wrote is worse than none.
Result<void> check_served(const Function& d) {
  const auto refuse = [&](std::string_view what) {
    return fail(Code::kUnimplemented, "function ", d.function_name(), ": ", what,
                " are not served by this version of Ionian");
  };
  bool web = d.has_webhook_config() &&
             d.webhook_config().type() != modal::client::WEBHOOK_TYPE_UNSPECIFIED;
  for (const auto& [name, method] : d.method_definitions())
    web |= method.has_webhook_config() &&
           method.webhook_config().type() != modal::client::WEBHOOK_TYPE_UNSPECIFIED;
  if (web || d.is_server()) return refuse("web endpoints");
  if (!d.s3_mounts().empty()) return refuse("S3 mounts of clients before cloud bucket mounts");
  if (d._experimental_group_size() > 1) return refuse("clusters of containers");
  return {};
}

// Volumes, network file systems and secrets of buckets must be there, and have places of their own.
Result<void> check_volumes(const Context& c, store::View& view, const rpc::Call& call,
                           const Function& d) {
  std::set<std::string> taken;
  const auto take_place = [&](const std::string& place) -> Result<void> {
    const std::string path = images::clean_path("/", place);
    const bool ours = path == "/" || path == "/proc" || path == "/dev" || path == "/sys" ||
                      path == "/pkg" || path.starts_with("/__modal");
    if (!place.starts_with('/') || ours)
      return fail(Code::kInvalidArgument, "function ", d.function_name(),
                  ": a volume cannot be mounted at '", place, "'");
    if (!taken.insert(path).second)
      return fail(Code::kInvalidArgument, "function ", d.function_name(),
                  ": two volumes are mounted at '", path, "'");
    return {};
  };
  for (const auto& mount : d.volume_mounts()) {
    TRY(volume_of(c, view, call, mount.volume_id()));
    TRY(take_place(mount.mount_path()));
    if (mount.has_sub_path()) TRY(volumes::clean_path(mount.sub_path()));
  }
  for (const auto& mount : d.shared_volume_mounts()) {
    TRY(object_of(c, view, call, kSharedVolumeKind, mount.shared_volume_id()));
    TRY(take_place(mount.mount_path()));
  }
  TRY(check_buckets(c, view, call, d));
  for (const auto& mount : d.cloud_bucket_mounts()) TRY(take_place(mount.mount_path()));
  return {};
}

// Labels of where a container would run. There is one machine, which takes them all; but a name
// that is none of a cloud's is a mistake.
Result<void> check_placement(const Function& d) {
  static constexpr std::array kClouds = {"", "aws", "gcp", "oci", "auto"};
  static constexpr std::array kAreas = {
      "us", "eu", "ap", "uk",   "ca",     "me",           "sa",           "af",        "mx",
      "il", "jp", "au", "asia", "europe", "northamerica", "southamerica", "australia", "africa"};
  if (std::ranges::find(kClouds, d.cloud_provider_str()) == kClouds.end())
    return fail(Code::kInvalidArgument, "function ", d.function_name(), ": cloud '",
                d.cloud_provider_str(), "' is not one of aws, gcp, oci, auto");
  for (const std::string& region : d.scheduler_placement().regions()) {
    const auto fits = [](char c) {
      return std::islower(static_cast<unsigned char>(c)) ||
             std::isdigit(static_cast<unsigned char>(c)) || c == '-';
    };
    const bool area = std::ranges::find(kAreas, region.substr(0, region.find('-'))) != kAreas.end();
    if (!area || !std::ranges::all_of(region, fits))
      return fail(Code::kInvalidArgument, "function ", d.function_name(), ": region '", region,
                  "' is not one of those that clouds have, like us-east-1, eu-west or us");
  }
  return {};
}

// Zero on the wire is a bound that was not set.
Result<void> check_bounds(const Context& c, const Function& d) {
  const FunctionLimits& most = c.function_limits;
  const auto check = [&](std::string_view what, std::uint32_t asked, std::uint32_t max,
                         std::string_view unit, std::string_view option) -> Result<void> {
    if (asked <= max) return {};
    return fail(Code::kInvalidArgument, "function ", d.function_name(), ": ", what, " may be 1 to ",
                max, ' ', unit, ", and is ", asked, " (", option, " of the server)");
  };
  TRY(check("timeout", d.timeout_secs(), most.timeout_seconds, "seconds", "--timeout-max"));
  TRY(check("startup_timeout", d.startup_timeout_secs(), most.timeout_seconds, "seconds",
            "--timeout-max"));
  return check("ephemeral_disk", d.resources().ephemeral_disk_mb(), most.disk_mib, "MiB",
               "--ephemeral-disk-max");
}

// One of the alternatives must be one that this machine can ever give.
Result<void> check_gpus(const Context& c, const Function& d) {
  const std::vector<core::GpuWish> wishes = gpus_of(d);
  if (wishes.empty()) return {};
  core::Devices machine;
  machine.offer(offered_devices(c));
  std::string asked;
  for (const core::GpuWish& wish : wishes) {
    if (wish.count > 0 && machine.has(wish)) return {};
    asked += cat(asked.empty() ? "" : " or ", wish.count, " × ", wish.type);
  }
  return fail(Code::kInvalidArgument, "function ", d.function_name(), " asks for ", asked,
              ", and this machine has ", machine.text(),
              ": ask for what it has, or see \"GPUs\" in the guide to functions");
}

}  // namespace

Result<void> check_definition(const Context& c, store::View& view, const rpc::Call& call,
                              const Function& d) {
  const WorkspaceId& workspace = call.caller.workspace;
  TRY(check_served(d));
  TRY(check_schedule(d));
  TRY(check_placement(d));
  TRY(check_bounds(c, d));
  TRY(check_gpus(c, d));
  if (!d.image_id().empty() && !store::find_image(view, workspace, ImageId(d.image_id())))
    return fail(Code::kNotFound, "image '", d.image_id(), "' not found");
  for (const std::string& id : d.mount_ids())
    if (!store::find_mount(view, workspace, MountId(id)))
      return fail(Code::kNotFound, "mount '", id, "' not found");
  for (const std::string& id : d.secret_ids()) TRY(check_secret(c, view, call, id));
  TRY(check_volumes(c, view, call, d));
  return {};
}

namespace {

// One that this app announced or made before.
Result<store::Function> function_of_app(store::View& view, const store::App& app,
                                        const std::string& id) {
  auto found = store::find_function(view, app.workspace, FunctionId(id));
  if (!found || found->app != app.id)
    return fail(Code::kNotFound, "function '", id, "' not found in app '", app.id, "'");
  return *std::move(found);
}

// Its containers hear what the volumes that it depends on are called, also of one that it does not
// mount, which its maker need not be allowed to write.
Result<void> check_dependencies(const Context& c, store::View& view, const rpc::Call& call,
                                const Function& d) {
  for (const auto& dependency : d.object_dependencies()) {
    if (!dependency.object_id().starts_with("vo-")) continue;
    const auto seen = volume_of(c, view, call, dependency.object_id());
    if (!seen && seen.error().code == Code::kNotFound) return std::unexpected(seen.error());
  }
  return {};
}

}  // namespace

void Functions::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionPrecreate", &Functions::precreate);
  on("FunctionCreate", &Functions::create);
  on("ClassCreate", &Functions::create_class);
  on("FunctionGetSerialized", &Functions::get_serialized, rpc::Access::kView);
}

Result<modal::client::FunctionPrecreateResponse> Functions::precreate(
    rpc::Call& call, const modal::client::FunctionPrecreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  store::Function record{.id = FunctionId(request.existing_function_id()),
                         .app = app.id,
                         .tag = request.function_name()};
  if (record.id.empty()) {
    record.id = FunctionId::make(c_.random, call.now);
    store::insert_function(tx, record, call.now);
  } else {
    ASSIGN_OR_RETURN(record, function_of_app(tx, app, request.existing_function_id()));
  }
  Function announced;
  announced.set_function_name(request.function_name());
  announced.set_function_type(request.function_type());
  *announced.mutable_function_schema() = request.function_schema();
  *announced.mutable_supported_input_formats() = request.supported_input_formats();
  *announced.mutable_supported_output_formats() = request.supported_output_formats();
  for (const auto& [name, method] : request.method_definitions())
    (*announced.mutable_method_definitions())[name] = method;
  modal::client::FunctionPrecreateResponse reply;
  reply.set_function_id(record.id.str());
  *reply.mutable_handle_metadata() = handle_of(record, announced);
  return reply;
}

Result<modal::client::FunctionCreateResponse> Functions::create(
    rpc::Call& call, const modal::client::FunctionCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  ASSIGN_OR_RETURN(const Function definition, definition_of(request));
  TRY(check_definition(c_, tx, call, definition));
  TRY(check_dependencies(c_, tx, call, definition));
  store::Function record{.id = FunctionId(request.existing_function_id()),
                         .app = app.id,
                         .tag = definition.function_name()};
  if (record.id.empty()) {
    record.id = FunctionId::make(c_.random, call.now);
    store::insert_function(tx, record, call.now);
  } else {
    ASSIGN_OR_RETURN(record, function_of_app(tx, app, request.existing_function_id()));
  }
  record.definition_id = DefinitionId::make(c_.random, call.now).str();
  record.definition = definition.SerializeAsString();
  store::insert_definition(tx, record.definition_id, record.id, record.definition, call.now);
  // What is deployed goes on as it is until the new version is published. One that builds an image
  // runs before that.
  if (app.state != modal::client::APP_STATE_DEPLOYED || definition.is_builder_function()) {
    store::remove_overrides(tx, record.id);
    store::define_function(tx, record.id, record.definition_id, record.definition);
    call.after_commit([this, configs = configs_of(tx, record, definition, app.workspace)] {
      c_.core_loop.post([this, configs] {
        for (const core::FunctionConfig& config : configs)
          c_.core.redefine_function(c_.clock.now(), config);
      });
    });
  }
  modal::client::FunctionCreateResponse reply;
  reply.set_function_id(record.id.str());
  *reply.mutable_function() = definition;
  *reply.mutable_function_data() = data_of(definition);
  *reply.mutable_handle_metadata() = handle_of(record, definition);
  return reply;
}

Result<modal::client::ClassCreateResponse> Functions::create_class(
    rpc::Call& call, const modal::client::ClassCreateRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  ClassId id(request.existing_class_id());
  if (id.empty()) {
    id = ClassId::make(c_.random, call.now);
    // The request does not name the class; AppPublish does, by this id.
    store::insert_class(tx, {.id = id, .app = app.id, .tag = ""}, call.now);
  } else if (!store::find_class(tx, app.id, id)) {
    return fail(Code::kNotFound, "class '", id, "' not found in app '", app.id, "'");
  }
  for (const auto& method : request.methods())
    if (!method.function_id().empty()) TRY(function_of_app(tx, app, method.function_id()));
  modal::client::ClassCreateResponse reply;
  reply.set_class_id(id.str());
  *reply.mutable_handle_metadata()->mutable_methods() = request.methods();
  return reply;
}

Result<modal::client::FunctionGetSerializedResponse> Functions::get_serialized(
    rpc::Call& call, const modal::client::FunctionGetSerializedRequest& request,
    store::View& view) {
  const auto record =
      store::find_function(view, call.caller.workspace, FunctionId(request.function_id()));
  if (!record || !app_of(c_, view, call, record->app.str()))
    return fail(Code::kNotFound, "function '", request.function_id(), "' not found");
  Function definition;
  definition.ParseFromString(record->definition);
  modal::client::FunctionGetSerializedResponse reply;
  reply.set_function_serialized(definition.function_serialized());
  reply.set_class_serialized(definition.class_serialized());
  return reply;
}

}  // namespace ionian::services
