#include "world.h"

#include "store/objects.h"
#include "store/volumes.h"

namespace ionian::server {
namespace {

using rpc::Caller;
using rpc::CallerKind;
using rpc::WorkspaceRole;

Caller as_token(const WorkspaceId& workspace, const std::string& principal, WorkspaceRole role) {
  Caller caller{.kind = CallerKind::kToken, .workspace = workspace, .principal = principal};
  caller.role = caller.standing = role;
  return caller;
}

Caller limited(Caller caller, rpc::EnvironmentRole most) {
  caller.limited = true;
  caller.role = std::min(caller.role, WorkspaceRole::kMember);
  caller.most = most;
  return caller;
}

}  // namespace

World::World() : now_(whole.clock.now()) {
  const Result<void> made = whole.store->write_now([&](store::Tx& tx) -> Result<void> {
    workspace_a = WorkspaceId::make(whole.random, now_);
    workspace_b = WorkspaceId::make(whole.random, now_);
    store::insert_workspace(tx, {.id = workspace_a, .name = "acme", .image_builder_version = ""},
                            now_);
    store::insert_workspace(tx, {.id = workspace_b, .name = "other", .image_builder_version = ""},
                            now_);
    owner = person(tx, workspace_a, "owner", "olga");
    manager = person(tx, workspace_a, "manager", "mona");
    member = person(tx, workspace_a, "member", "mike");
    outsider = person(tx, workspace_a, "member", "otto");
    onlooker = person(tx, workspace_a, "member", "lena");
    stranger = person(tx, workspace_b, "owner", "stan");
    a = make_objects(tx, workspace_a, "a", true);
    b = make_objects(tx, workspace_b, "b", true);
    open = make_objects(tx, workspace_a, "open", false);
    store::set_environment_role(tx, EnvironmentId(a.environment), member.principal, "contributor");
    store::set_environment_role(tx, EnvironmentId(a.environment), onlooker.principal, "viewer");
    return {};
  });
  EXPECT_TRUE(made.has_value()) << made.error().message;
  make_live(a, workspace_a);
  make_live(b, workspace_b);
  make_live(open, workspace_a);

  machine_owner = {.kind = CallerKind::kOwner};
  const auto task_of = [&](const Objects& o, const WorkspaceId& workspace) {
    Caller caller{.kind = CallerKind::kTask, .workspace = workspace};
    caller.environment = EnvironmentId(o.environment);
    caller.task = TaskId(o.task);
    caller.app = AppId(o.app);
    return caller;
  };
  container = task_of(a, workspace_a);
  strange_container = task_of(b, workspace_b);
  for (const rpc::Caller& each : {container, strange_container, task_of(open, workspace_a)})
    whole.identity.add_task(each.task, each);
  service = as_token(workspace_a, a.service_user, WorkspaceRole::kService);
  viewer_token = limited(owner, rpc::EnvironmentRole::kViewer);
  member_token = limited(owner, rpc::EnvironmentRole::kContributor);
  scoped_token = member_token;
  scoped_token.only = std::make_shared<const std::vector<EnvironmentId>>();
}

Caller World::person(store::Tx& tx, const WorkspaceId& workspace, const std::string& role,
                     const std::string& name) {
  const UserId id = UserId::make(whole.random, now_);
  store::insert_user(tx, {.id = id,
                          .name = name,
                          .email = name + "@example.com",
                          .password_hash = "",
                          .created_at = now_});
  store::set_member(tx, workspace, id, role, now_);
  Caller caller = as_token(workspace, id.str(), services::workspace_role_of(role));
  auto [pair, token] = whole.identity.make_token(whole.random, workspace, id.str(), name);
  store::insert_token(tx, token);
  caller.token = token.id;
  return caller;
}

Objects World::make_objects(store::Tx& tx, const WorkspaceId& workspace, const std::string& prefix,
                            bool restricted) {
  Random& random = whole.random;
  Objects o;
  const std::vector<store::Member> people = store::list_members(tx, workspace);
  o.user = people.front().user.str();
  o.token = store::list_tokens(tx, workspace, o.user).front().id.str();
  const EnvironmentId environment = EnvironmentId::make(random, now_);
  o.environment = environment.str();
  o.environment_name = prefix + "-stage";
  store::insert_environment(tx,
                            {.id = environment,
                             .workspace = workspace,
                             .name = o.environment_name,
                             .web_suffix = prefix,
                             .image_builder_version = "",
                             .is_default = !restricted,
                             .restricted = restricted,
                             .default_role = "no-access",
                             .created_at = now_},
                            now_);
  const AppId app = AppId::make(random, now_);
  store::insert_app(tx, {.id = app,
                         .workspace = workspace,
                         .environment = environment,
                         .name = "",
                         .description = prefix,
                         .state = 1,
                         .created_at = now_});
  const FunctionId function = FunctionId::make(random, now_);
  store::insert_function(
      tx, {.id = function, .app = app, .tag = "f", .definition_id = "de-1", .definition = ""},
      now_);
  const ClassId class_id = ClassId::make(random, now_);
  store::insert_class(tx, {.id = class_id, .app = app, .tag = "C"}, now_);
  const SecretId secret = SecretId::make(random, now_);
  store::insert_secret(tx,
                       {.id = secret,
                        .workspace = workspace,
                        .environment = environment,
                        .name = "s",
                        .app = {},
                        .sealed = whole.key.seal("{}", random)},
                       now_);
  const auto add = [&](const char* kind, std::string id) {
    store::DataObject made{.id = std::move(id),
                           .kind = kind,
                           .workspace = workspace,
                           .environment = environment,
                           .name = cat(prefix, "-", kind),
                           .created_by = "",
                           .created_at = now_};
    store::insert_object(tx, made);
    return made.id;
  };
  o.dict = add("dict", DictId::make(random, now_).str());
  o.queue = add("queue", QueueId::make(random, now_).str());
  o.volume = add("volume", VolumeId::make(random, now_).str());
  store::insert_volume(tx, o.volume, 1);
  o.shared_volume = add("nfs", services::kSharedVolumeKind.make_id(random, now_));
  o.app = app.str(), o.function = function.str(), o.class_ = class_id.str();
  o.secret = secret.str();
  add_shared_objects(tx, workspace, prefix, o);
  return o;
}

// What belongs to the workspace and to no environment of it.
void World::add_shared_objects(store::Tx& tx, const WorkspaceId& workspace,
                               const std::string& prefix, Objects& o) {
  Random& random = whole.random;
  const ImageId image = ImageId::make(random, now_);
  store::Image built{.id = image,
                     .workspace = workspace,
                     .recipe = prefix,
                     .state = store::ImageState::kBuilt,
                     .error = "",
                     .built = services::to_json(images::BuiltImage{}, "2025.06")};
  store::insert_image(tx, built, now_);
  store::set_image_built(tx, built, true);
  const MountId mount = MountId::make(random, now_);
  store::insert_mount(tx,
                      {.id = mount,
                       .workspace = workspace,
                       .name = "",
                       .checksum = prefix,
                       .files = "",
                       .tree = ""},
                      now_);
  const BlobId blob = BlobId::make(random, now_);
  store::insert_blob(tx,
                     {.id = blob,
                      .workspace = workspace,
                      .sha256 = std::string(64, 'a'),
                      .length = 3,
                      .present = true},
                     now_);
  const ServiceUserId robot = ServiceUserId::make(random, now_);
  o.service_user_name = prefix + "-robot";
  store::insert_service_user(tx, {.id = robot,
                                  .workspace = workspace,
                                  .name = o.service_user_name,
                                  .created_by = UserId(o.user),
                                  .created_at = now_});
  const ProxyTokenId proxy = ProxyTokenId::make(random, now_);
  store::insert_proxy_token(tx, {.id = proxy,
                                 .workspace = workspace,
                                 .name = prefix,
                                 .secret_hash = std::string(32, 'h'),
                                 .scoped = true,
                                 .created_by = o.user,
                                 .created_at = now_});
  o.image = image.str(), o.mount = mount.str(), o.blob = blob.str();
  o.service_user = robot.str(), o.proxy_token = proxy.str();
}

// What lives in the core: an app with a function, a call with an input, and its container.
void World::make_live(Objects& o, const WorkspaceId& workspace) {
  core::Core& core = whole.core;
  core.add_app(
      now_,
      {.id = AppId(o.app), .workspace = workspace, .environment = EnvironmentId(o.environment)});
  core.define_function(
      now_,
      {.id = FunctionId(o.function), .app = AppId(o.app), .workspace = workspace, .tag = "f"});
  const auto call = core.start_call(
      now_, {.function = FunctionId(o.function), .workspace = workspace, .parent_input = {}});
  ASSERT_TRUE(call.has_value()) << call.error().message;
  const auto inputs = core.put_inputs(now_, *call, {{}});
  ASSERT_TRUE(inputs.has_value()) << inputs.error().message;
  o.call = call->str();
  o.input = inputs->front().str();
  for (const TaskId& task : core.tasks())
    if (core.task(task)->app == AppId(o.app)) o.task = task.str();
  ASSERT_FALSE(o.task.empty());
}

}  // namespace ionian::server
