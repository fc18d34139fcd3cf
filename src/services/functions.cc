#include "services/functions.h"

#include "services/apps.h"
#include "store/images.h"
#include "store/secrets.h"

namespace ionian::services {
namespace {

using modal::client::Function;

// Either form of the request as one definition.
Result<Function> definition_of(const modal::client::FunctionCreateRequest& request) {
  if (!request.has_function_data()) return request.function();
  const modal::client::FunctionData& data = request.function_data();
  if (data.ranked_functions().empty()) return fail(Code::kInvalidArgument, "function_data holds no ranked function");
  const auto first = std::min_element(data.ranked_functions().begin(), data.ranked_functions().end(),
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
  if (data.has_autoscaler_settings()) *shared.mutable_autoscaler_settings() = data.autoscaler_settings();
  shared.mutable_supported_input_formats()->CopyFrom(data.supported_input_formats());
  shared.mutable_supported_output_formats()->CopyFrom(data.supported_output_formats());
  Function definition = first->function();
  // Repeated fields would add up; the alternative's own win.
  if (!definition.supported_input_formats().empty()) shared.clear_supported_input_formats();
  if (!definition.supported_output_formats().empty()) shared.clear_supported_output_formats();
  definition.MergeFrom(shared);
  if (definition.method_definitions().empty())
    for (const auto& [name, method] : data.method_definitions()) (*definition.mutable_method_definitions())[name] = method;
  return definition;
}

// A secret must lie where the caller may use it: the container that gets it shows its values to whoever wrote its code.
Result<void> check_secret(const Context& c, store::View& view, const rpc::Call& call, const std::string& id) {
  const auto secret = store::find_secret(view, call.caller.workspace, SecretId(id));
  const Result<void> may = secret ? c.access.check(call, secret->environment) : fail(Code::kNotFound, "");
  if (may) return {};
  if (may.error().code != Code::kNotFound) return may;
  return fail(Code::kNotFound, "secret '", id, "' not found");
}

Result<void> check(const Context& c, store::View& view, const rpc::Call& call, const Function& d) {
  const WorkspaceId& workspace = call.caller.workspace;
  if (d.resources().gpu_config().count() > 0 || !d.resources().gpu_config().gpu_type().empty())
    return fail(Code::kInvalidArgument, "function ", d.function_name(), " asks for a GPU (", d.resources().gpu_config().gpu_type(),
                "); this machine offers none");
  if (!d.image_id().empty() && !store::find_image(view, workspace, ImageId(d.image_id())))
    return fail(Code::kNotFound, "image '", d.image_id(), "' not found");
  for (const std::string& id : d.mount_ids())
    if (!store::find_mount(view, workspace, MountId(id))) return fail(Code::kNotFound, "mount '", id, "' not found");
  for (const std::string& id : d.secret_ids()) TRY(check_secret(c, view, call, id));
  return {};
}

// One that this app announced or made before.
Result<store::Function> function_of_app(store::View& view, const store::App& app, const std::string& id) {
  auto found = store::find_function(view, app.workspace, FunctionId(id));
  if (!found || found->app != app.id) return fail(Code::kNotFound, "function '", id, "' not found in app '", app.id, "'");
  return *std::move(found);
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
  store::Function record{.id = FunctionId(request.existing_function_id()), .app = app.id, .tag = request.function_name()};
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
  for (const auto& [name, method] : request.method_definitions()) (*announced.mutable_method_definitions())[name] = method;
  modal::client::FunctionPrecreateResponse reply;
  reply.set_function_id(record.id.str());
  *reply.mutable_handle_metadata() = handle_of(record, announced);
  return reply;
}

Result<modal::client::FunctionCreateResponse> Functions::create(rpc::Call& call,
                                                                const modal::client::FunctionCreateRequest& request,
                                                                store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  ASSIGN_OR_RETURN(const Function definition, definition_of(request));
  TRY(check(c_, tx, call, definition));
  store::Function record{.id = FunctionId(request.existing_function_id()), .app = app.id, .tag = definition.function_name()};
  if (record.id.empty()) {
    record.id = FunctionId::make(c_.random, call.now);
    store::insert_function(tx, record, call.now);
  } else {
    ASSIGN_OR_RETURN(record, function_of_app(tx, app, request.existing_function_id()));
  }
  record.definition_id = DefinitionId::make(c_.random, call.now).str();
  record.definition = definition.SerializeAsString();
  store::define_function(tx, record.id, record.definition_id, record.definition);
  call.after_commit([this, config = config_of(record, definition, app.workspace)] {
    c_.core_loop.post([this, config] { c_.core.define_function(c_.clock.now(), config); });
  });
  modal::client::FunctionCreateResponse reply;
  reply.set_function_id(record.id.str());
  *reply.mutable_function() = definition;
  *reply.mutable_function_data() = data_of(definition);
  *reply.mutable_handle_metadata() = handle_of(record, definition);
  return reply;
}

Result<modal::client::ClassCreateResponse> Functions::create_class(rpc::Call& call, const modal::client::ClassCreateRequest& request,
                                                                   store::Tx& tx) {
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
    rpc::Call& call, const modal::client::FunctionGetSerializedRequest& request, store::View& view) {
  const auto record = store::find_function(view, call.caller.workspace, FunctionId(request.function_id()));
  if (!record || !app_of(c_, view, call, record->app.str())) return fail(Code::kNotFound, "function '", request.function_id(), "' not found");
  Function definition;
  definition.ParseFromString(record->definition);
  modal::client::FunctionGetSerializedResponse reply;
  reply.set_function_serialized(definition.function_serialized());
  reply.set_class_serialized(definition.class_serialized());
  return reply;
}

}  // namespace ionian::services
