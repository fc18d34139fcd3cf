#include "services/deployments.h"

#include "services/apps.h"
#include "services/environments.h"
#include "services/functions.h"
#include "services/schedules.h"
#include "services/variants.h"
#include "store/overrides.h"
#include "store/people.h"

namespace ionian::services {
namespace {

using modal::client::AppState;

constexpr std::size_t kNameMax = 64;

template <class Reply>
Reply published(const Context& c, const AppId& app, Time at) {
  Reply reply;
  reply.set_url(cat(c.public_url, "/apps/", app));
  reply.set_deployed_at(to_unix_seconds(at));
  return reply;
}

}  // namespace

Result<void> check_app_name(const std::string& name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, fits)) return {};
  return fail(Code::kInvalidArgument, "'", name, "' is no name for an app: names have 1 to ",
              kNameMax, " letters, digits, dashes, dots and underscores");
}

std::unexpected<Status> no_version(const store::App& app, int version) {
  return fail(Code::kNotFound, "app '", app.name, "' has no version ", version,
              "; `modal app history ", app.name, "` lists them");
}

std::string name_of_principal(store::View& view, const WorkspaceId& workspace,
                              const std::string& principal) {
  if (const auto user = store::find_user(view, UserId(principal))) return user->name;
  if (const auto service = store::find_service_user(view, workspace, principal))
    return service->name;
  return "";
}

modal::client::AppPublishRequest publish_of(const store::Deployment& deployment) {
  modal::client::AppPublishRequest publish;
  publish.ParseFromString(deployment.publish);
  return publish;
}

std::optional<store::Deployment> live_deployment(store::View& view, const AppId& app) {
  auto last = store::last_deployment(view, app);
  if (!last || !publish_of(*last).staged()) return last;
  for (store::Deployment& each : store::list_deployments(view, app))
    if (!publish_of(each).staged()) return std::move(each);
  return std::nullopt;
}

modal::client::AppLifecycle lifecycle_of(store::View& view, const store::App& app) {
  modal::client::AppLifecycle life;
  life.set_app_state(static_cast<AppState>(app.state));
  life.set_created_at(to_unix_seconds(app.created_at));
  life.set_created_by(name_of_principal(view, app.workspace, app.created_by));
  if (const auto last = live_deployment(view, app.id)) {
    life.set_deployed_at(to_unix_seconds(last->deployed_at));
    life.set_deployed_by(name_of_principal(view, app.workspace, last->deployed_by));
    life.set_version(last->version);
  }
  if (app.state == AppState::APP_STATE_STOPPED) {
    life.set_stopped_at(to_unix_seconds(app.stopped_at));
    life.set_stopped_by(name_of_principal(view, app.workspace, app.stopped_by));
  }
  return life;
}

void Deployments::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("AppGetByDeploymentName", &Deployments::by_name, rpc::Access::kView);
  on("AppGetLayout", &Deployments::layout, rpc::Access::kView);
  on("AppPublish", &Deployments::publish);
  on("AppDeploymentHistory", &Deployments::history, rpc::Access::kView);
  on("AppRollback", &Deployments::rollback);
  on("AppRollover", &Deployments::rollover);
  on("AppPromote", &Deployments::promote);
}

Result<modal::client::AppGetByDeploymentNameResponse> Deployments::by_name(
    rpc::Call& call, const modal::client::AppGetByDeploymentNameRequest& request,
    store::View& view) {
  ASSIGN_OR_RETURN(const store::Environment env,
                   environment_of(c_, view, call, request.environment_name()));
  modal::client::AppGetByDeploymentNameResponse reply;
  reply.set_environment_name(env.name);
  const auto live =
      store::find_deployed_app(view, env.id, request.name(), AppState::APP_STATE_DEPLOYED);
  const auto app =
      live ? live
           : store::find_former_app(view, env.id, request.name(), AppState::APP_STATE_STOPPED);
  if (!app) return reply;
  (live ? reply.mutable_app_id() : reply.mutable_previous_app_id())->assign(app->id.str());
  *reply.mutable_lifecycle() = lifecycle_of(view, *app);
  return reply;
}

Result<modal::client::AppGetLayoutResponse> Deployments::layout(
    rpc::Call& call, const modal::client::AppGetLayoutRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, view, call, request.app_id()));
  modal::client::AppGetLayoutResponse reply;
  modal::client::AppLayout& layout = *reply.mutable_app_layout();
  for (const store::Function& record : store::list_live_functions(view, app.id)) {
    if (record.definition_id.empty()) continue;
    modal::client::Function definition;
    definition.ParseFromString(record.definition);
    auto* object = layout.add_objects();
    object->set_object_id(record.id.str());
    *object->mutable_function_handle_metadata() = handle_of(record, definition);
    (*layout.mutable_function_ids())[record.tag] = record.id.str();
  }
  for (const store::Class& c : store::list_live_classes(view, app.id)) {
    if (c.tag.empty()) continue;
    auto* object = layout.add_objects();
    object->set_object_id(c.id.str());
    object->mutable_class_handle_metadata();
    (*layout.mutable_class_ids())[c.tag] = c.id.str();
  }
  return reply;
}

Result<void> Deployments::apply(rpc::Call& call, store::Tx& tx, const Change& change) {
  struct Live {
    core::FunctionConfig config;
    bool replaced;
  };
  std::vector<Live> live;
  std::vector<FunctionId> gone;
  std::vector<store::Schedule> schedules;
  const bool whole = change.publish.app_state() == AppState::APP_STATE_DEPLOYED ||
                     change.app.state == AppState::APP_STATE_DEPLOYED;
  if (whole) {
    for (const store::Function& f : store::list_live_functions(tx, change.app.id))
      gone.push_back(f.id);
    store::retire_all(tx, change.app.id);
  }
  for (const auto& [tag, id] : change.publish.function_ids()) {
    auto record = store::find_function(tx, change.app.workspace, FunctionId(id));
    if (!record || record->app != change.app.id)
      return fail(Code::kNotFound, "function '", id, "' not found in app '", change.app.id, "'");
    const auto named = change.publish.definition_ids().find(id);
    const std::string definition_id = named != change.publish.definition_ids().end()
                                          ? named->second
                                          : store::newest_definition(tx, record->id);
    const std::string text = store::find_definition(tx, record->id, definition_id);
    if (text.empty())
      return fail(Code::kNotFound, "function '", id, "' has no definition '", definition_id, "'");
    const bool changed = record->definition != text;
    store::make_function_live(tx, record->id, tag);
    if (whole) store::remove_overrides(tx, record->id);
    store::define_function(tx, record->id, definition_id, text);
    record->tag = tag;
    record->live = true;
    modal::client::Function definition;
    definition.ParseFromString(text);
    if (has_schedule(definition))
      schedules.push_back({.function = record->id,
                           .app = change.app.id,
                           .schedule = definition.schedule().SerializeAsString()});
    for (core::FunctionConfig& config : configs_of(tx, *record, definition, change.app.workspace))
      live.push_back({std::move(config), changed || change.replace_all});
    std::erase(gone, record->id);
  }
  for (std::size_t i = 0, bases = gone.size(); i < bases; ++i)
    for (const store::Variant& variant : store::list_variants(tx, gone[i]))
      gone.push_back(variant.id);
  for (const auto& [tag, id] : change.publish.class_ids()) {
    if (!store::find_class(tx, change.app.id, ClassId(id)))
      return fail(Code::kNotFound, "class '", id, "' not found in app '", change.app.id, "'");
    store::make_class_live(tx, change.app.id, ClassId(id), tag);
  }
  if (whole) TRY(replace_schedules(c_, call, tx, change.app.id, std::move(schedules)));
  call.after_commit(
      [this, app = change.app.id, live = std::move(live), gone = std::move(gone), whole] {
        c_.core_loop.post([this, app, live, gone, whole] {
          const Time now = c_.clock.now();
          if (whole) c_.core.keep_app(app);
          for (const Live& f : live) {
            c_.core.redefine_function(now, f.config);
            if (f.replaced) c_.core.replace_tasks(now, f.config.id);
          }
          c_.core.complete_app(now, app);
          // What nobody can find by name any more keeps no containers warm; those who hold its id
          // may still call it.
          for (const FunctionId& id : gone) c_.core.let_go_of(now, id);
        });
      });
  return {};
}

Result<store::Deployment> Deployments::add_version(rpc::Call& call, store::Tx& tx,
                                                   const Change& change) {
  const auto last = store::last_deployment(tx, change.app.id);
  store::Deployment next{.version = last ? last->version + 1 : 1,
                         .deployed_at = call.now,
                         .deployed_by = call.caller.principal,
                         .publish = change.publish.SerializeAsString()};
  store::insert_deployment(tx, change.app.id, next);
  return next;
}

Result<modal::client::AppPublishResponse> Deployments::publish(
    rpc::Call& call, const modal::client::AppPublishRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, tx, call, request.app_id()));
  if (app.state == AppState::APP_STATE_STOPPED || app.state == AppState::APP_STATE_STOPPING)
    return fail(Code::kFailedPrecondition, "app '", request.app_id(), "' is stopped");
  TRY(check_tags(request.tags()));
  Change change{.app = app, .publish = request};
  change.publish.set_client_version(call.headers.client_version);
  if (request.staged()) return stage(call, tx, std::move(change));
  TRY(apply(call, tx, change));
  store::set_app_tags(tx, app.id, {request.tags().begin(), request.tags().end()});
  if (request.app_state() != AppState::APP_STATE_DEPLOYED) {
    if (request.app_state() != AppState::APP_STATE_UNSPECIFIED)
      store::set_app_state(tx, app.id, request.app_state());
    return published<modal::client::AppPublishResponse>(c_, app.id, call.now);
  }
  const std::string name = request.name().empty() ? app.name : request.name();
  TRY(check_app_name(name));
  const auto holder =
      store::find_deployed_app(tx, app.environment, name, AppState::APP_STATE_DEPLOYED);
  if (holder && holder->id != app.id)
    return fail(Code::kFailedPrecondition, "another app was deployed as '", name,
                "' meanwhile; deploy again to replace it");
  store::set_app_deployed(tx, app.id, name, AppState::APP_STATE_DEPLOYED);
  change.publish.set_name(name);
  change.publish.set_deployment_type(modal::client::DEPLOYMENT_TYPE_STANDARD);
  ASSIGN_OR_RETURN(const store::Deployment made, add_version(call, tx, change));
  return published<modal::client::AppPublishResponse>(c_, app.id, made.deployed_at);
}

Result<modal::client::AppPublishResponse> Deployments::stage(rpc::Call& call, store::Tx& tx,
                                                             Change change) {
  if (change.app.state != AppState::APP_STATE_DEPLOYED || !live_deployment(tx, change.app.id))
    return fail(
        Code::kFailedPrecondition,
        "only an app that is deployed can have a staged version: deploy it once without --staged");
  for (const auto& [tag, id] : change.publish.function_ids()) {
    const auto record = store::find_function(tx, change.app.workspace, FunctionId(id));
    if (!record || record->app != change.app.id)
      return fail(Code::kNotFound, "function '", id, "' not found in app '", change.app.id, "'");
    // Pinned now: what is newest when it is promoted may be another version's.
    std::string& definition = (*change.publish.mutable_definition_ids())[id];
    if (definition.empty()) definition = store::newest_definition(tx, record->id);
    if (store::find_definition(tx, record->id, definition).empty())
      return fail(Code::kNotFound, "function '", id, "' has no definition '", definition, "'");
  }
  change.publish.set_deployment_type(modal::client::DEPLOYMENT_TYPE_STAGED);
  ASSIGN_OR_RETURN(const store::Deployment made, add_version(call, tx, change));
  return published<modal::client::AppPublishResponse>(c_, change.app.id, made.deployed_at);
}

Result<modal::client::AppDeploymentHistoryResponse> Deployments::history(
    rpc::Call& call, const modal::client::AppDeploymentHistoryRequest& request, store::View& view) {
  ASSIGN_OR_RETURN(const store::App app, app_of(c_, view, call, request.app_id()));
  modal::client::AppDeploymentHistoryResponse reply;
  for (const store::Deployment& d : store::list_deployments(view, app.id)) {
    const modal::client::AppPublishRequest publish = publish_of(d);
    auto* row = reply.add_app_deployment_histories();
    row->set_app_id(app.id.str());
    row->set_version(d.version);
    row->set_client_version(publish.client_version());
    row->set_deployed_at(to_unix_seconds(d.deployed_at));
    row->set_deployed_by(name_of_principal(view, app.workspace, d.deployed_by));
    row->set_tag(publish.deployment_tag());
    row->set_rollback_version(publish.rollback_version());
    row->set_rollback_allowed(app.state == AppState::APP_STATE_DEPLOYED && !publish.staged());
    if (publish.has_commit_info()) *row->mutable_commit_info() = publish.commit_info();
    row->set_deployment_type(publish.deployment_type());
    if (!publish.staged())
      reply.set_production_app_version(
          std::max(reply.production_app_version(), static_cast<std::uint32_t>(d.version)));
  }
  return reply;
}

Result<Deployments::Deployed> Deployments::deployed_app(rpc::Call& call, store::View& view,
                                                        const std::string& id) {
  ASSIGN_OR_RETURN(store::App app, app_of(c_, view, call, id));
  auto live = live_deployment(view, app.id);
  // App.lookup makes apps that have a name and no version.
  if (app.state != AppState::APP_STATE_DEPLOYED || !live)
    return fail(Code::kFailedPrecondition, "app '", id,
                "' is not deployed, so it has no version to go to");
  return Deployed{std::move(app), *std::move(live)};
}

template <class Reply>
Result<Reply> Deployments::go_to(rpc::Call& call, store::Tx& tx, Change change) {
  change.publish.set_client_version(call.headers.client_version);
  TRY(apply(call, tx, change));
  // A rollover brings new containers; what the app is called stays as it is.
  if (!change.replace_all)
    store::set_app_tags(tx, change.app.id,
                        {change.publish.tags().begin(), change.publish.tags().end()});
  ASSIGN_OR_RETURN(const store::Deployment made, add_version(call, tx, change));
  return published<Reply>(c_, change.app.id, made.deployed_at);
}

Result<modal::client::AppRollbackResponse> Deployments::rollback(
    rpc::Call& call, const modal::client::AppRollbackRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const Deployed now, deployed_app(call, tx, request.app_id()));
  if (request.version() == 0)
    return fail(Code::kInvalidArgument,
                "0 is no version: versions count from 1, and -1 is the one before the live one");
  const int version =
      request.version() < 0 ? now.live.version + request.version() : request.version();
  auto old = store::find_deployment(tx, now.app.id, version);
  // Counting back passes over what never was live.
  for (int before = version; old && request.version() < 0 && publish_of(*old).staged();)
    old = store::find_deployment(tx, now.app.id, --before);
  if (!old) return no_version(now.app, version);
  Change change{.app = now.app, .publish = publish_of(*old)};
  if (change.publish.staged())
    return fail(Code::kFailedPrecondition, "version ", version, " of app '", now.app.name,
                "' is staged and never was live; `modal app promote` makes it so");
  change.publish.set_rollback_version(old->version);
  change.publish.set_deployment_type(modal::client::DEPLOYMENT_TYPE_ROLLBACK);
  return go_to<modal::client::AppRollbackResponse>(call, tx, std::move(change));
}

Result<modal::client::AppRolloverResponse> Deployments::rollover(
    rpc::Call& call, const modal::client::AppRolloverRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const Deployed now, deployed_app(call, tx, request.app_id()));
  Change change{.app = now.app, .publish = publish_of(now.live), .replace_all = true};
  change.publish.clear_rollback_version();
  change.publish.set_deployment_type(modal::client::DEPLOYMENT_TYPE_ROLLOVER);
  return go_to<modal::client::AppRolloverResponse>(call, tx, std::move(change));
}

Result<modal::client::AppPromoteResponse> Deployments::promote(
    rpc::Call& call, const modal::client::AppPromoteRequest& request, store::Tx& tx) {
  ASSIGN_OR_RETURN(const Deployed now, deployed_app(call, tx, request.app_id()));
  const auto staged = store::find_deployment(tx, now.app.id, request.version());
  if (!staged) return no_version(now.app, request.version());
  Change change{.app = now.app, .publish = publish_of(*staged)};
  if (!change.publish.staged())
    return fail(Code::kFailedPrecondition, "version ", request.version(), " of app '", now.app.name,
                "' is not staged; `modal app rollback` goes back to one that was live");
  change.publish.set_staged(false);
  change.publish.set_rollback_version(static_cast<std::uint32_t>(request.version()));
  change.publish.set_deployment_type(modal::client::DEPLOYMENT_TYPE_PROMOTION);
  return go_to<modal::client::AppPromoteResponse>(call, tx, std::move(change));
}

}  // namespace ionian::services
