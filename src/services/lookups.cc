#include "services/lookups.h"

#include "modal_proto/app.pb.h"
#include "services/apps.h"
#include "services/deployments.h"
#include "services/environments.h"
#include "services/functions.h"
#include "services/variants.h"

namespace ionian::services {
void Lookups::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionGet", &Lookups::function, rpc::Access::kView);
  on("FunctionGetById", &Lookups::function_by_id, rpc::Access::kView);
  on("ClassGet", &Lookups::class_by_name, rpc::Access::kView);
}

Result<store::App> Lookups::deployed_app(rpc::Call& call, store::View& view,
                                         const std::string& environment, const std::string& name) {
  ASSIGN_OR_RETURN(const store::Environment env, environment_of(c_, view, call, environment));
  auto app = store::find_deployed_app(view, env.id, name, modal::client::APP_STATE_DEPLOYED);
  if (!app)
    return fail(Code::kNotFound, "app '", name, "' is not deployed in environment '", env.name,
                "'. `modal deploy` makes it found by name");
  return *std::move(app);
}

// A function of its own, with containers of its own, that stays as its version of the app had it.
Result<store::Function> Lookups::pinned(rpc::Call& call, store::Tx& tx, const store::App& app,
                                        const std::string& tag, int version) {
  const auto deployment = store::find_deployment(tx, app.id, version);
  if (!deployment) return no_version(app, version);
  if (auto known = store::find_pinned_function(tx, app.id, tag, version)) return *std::move(known);
  const modal::client::AppPublishRequest publish = publish_of(*deployment);
  const auto id = publish.function_ids().find(tag);
  if (id == publish.function_ids().end())
    return fail(Code::kNotFound, "version ", version, " of app '", app.name, "' has no function '",
                tag, "'");
  const auto definition_id = publish.definition_ids().find(id->second);
  store::Function record{
      .id = FunctionId::make(c_.random, call.now),
      .app = app.id,
      .tag = tag,
      .definition_id = definition_id == publish.definition_ids().end() ? "" : definition_id->second,
      .definition = "",
      .live = false};
  record.definition = store::find_definition(tx, FunctionId(id->second), record.definition_id);
  if (record.definition.empty())
    return fail(Code::kNotFound, "the definition of '", tag, "' in version ", version,
                " is not kept");
  store::insert_pinned_function(tx, record, version, call.now);
  modal::client::Function definition;
  definition.ParseFromString(record.definition);
  call.after_commit([this, config = config_now(tx, record, definition, app.workspace)] {
    c_.core_loop.post([this, config] { c_.core.define_function(c_.clock.now(), config); });
  });
  return record;
}

Result<modal::client::FunctionGetResponse> Lookups::function(
    rpc::Call& call, const modal::client::FunctionGetRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app,
                   deployed_app(call, tx, request.environment_name(), request.app_name()));
  store::Function record;
  // The live version too: a handle that is kept would follow the next deployment.
  if (request.app_version() != 0) {
    ASSIGN_OR_RETURN(record, pinned(call, tx, app, request.object_tag(), request.app_version()));
  } else {
    auto found = store::find_live_function(tx, app.id, request.object_tag());
    if (!found || found->definition_id.empty())
      return fail(Code::kNotFound, "app '", app.name, "' has no function '", request.object_tag(),
                  "'");
    record = *std::move(found);
  }
  modal::client::Function definition;
  definition.ParseFromString(record.definition);
  modal::client::FunctionGetResponse reply;
  reply.set_function_id(record.id.str());
  *reply.mutable_handle_metadata() = handle_of(record, definition);
  *reply.mutable_function() = data_of(definition);
  return reply;
}

Result<modal::client::FunctionGetByIdResponse> Lookups::function_by_id(
    rpc::Call& call, const modal::client::FunctionGetByIdRequest& request, store::View& view) {
  const auto record =
      store::find_function_or_base(view, call.caller.workspace, FunctionId(request.function_id()));
  if (!record || !app_of(c_, view, call, record->app.str()))
    return fail(Code::kNotFound, "function '", request.function_id(), "' not found");
  modal::client::Function definition;
  definition.ParseFromString(record->definition);
  modal::client::FunctionGetByIdResponse reply;
  *reply.mutable_handle_metadata() = handle_of(*record, definition);
  if (record->id.str() != request.function_id())
    reply.mutable_handle_metadata()->set_base_function_id(record->id.str());
  *reply.mutable_function() = data_of(definition);
  return reply;
}

Result<modal::client::ClassGetResponse> Lookups::class_by_name(
    rpc::Call& call, const modal::client::ClassGetRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app,
                   deployed_app(call, view, request.environment_name(), request.app_name()));
  modal::client::ClassGetResponse reply;
  const auto live = live_deployment(view, app.id);
  if (request.app_version() != 0 && live && request.app_version() != live->version) {
    const auto deployment = store::find_deployment(view, app.id, request.app_version());
    if (!deployment) return no_version(app, request.app_version());
    const modal::client::AppPublishRequest publish = publish_of(*deployment);
    const auto id = publish.class_ids().find(request.object_tag());
    if (id == publish.class_ids().end())
      return fail(Code::kNotFound, "version ", request.app_version(), " of app '", app.name,
                  "' has no class '", request.object_tag(), "'");
    reply.set_class_id(id->second);
  } else if (const auto found = store::find_live_class(view, app.id, request.object_tag())) {
    reply.set_class_id(found->id.str());
  } else {
    return fail(Code::kNotFound, "app '", app.name, "' has no class '", request.object_tag(), "'");
  }
  if (const auto service =
          store::find_live_function(view, app.id, cat(request.object_tag(), ".*"))) {
    modal::client::Function definition;
    definition.ParseFromString(service->definition);
    reply.mutable_handle_metadata()->set_class_function_id(service->id.str());
    *reply.mutable_handle_metadata()->mutable_class_function_metadata() =
        handle_of(*service, definition);
  }
  return reply;
}

}  // namespace ionian::services
