#include "services/task_spec.h"

#include "base/file.h"
#include "container/netns.h"
#include "images/layered_tree.h"
#include "modal_proto/container.pb.h"
#include "services/buckets.h"
#include "services/functions.h"
#include "services/images.h"
#include "services/interactive.h"
#include "services/mounts.h"
#include "services/secrets.h"
#include "services/shared_volumes.h"
#include "services/standby_key.h"
#include "services/variants.h"
#include "services/volumes.h"
#include "store/volumes.h"
#include "store/workspaces.h"
#include "worker/worker.h"

namespace ionian::services {
namespace {

using modal::client::ContainerArguments;
using modal::client::Function;

// Everything that the store knows, read in one go.
struct Records {
  FunctionId id;             // of the function, or of its variant
  std::string params;        // of a variant: those of the class's instance
  store::Function function;  // a variant's base
  Function definition;
  store::App app;
  store::Environment environment;
  std::vector<store::Function> functions;
  std::vector<store::Class> classes;
  std::optional<RecordedImage> image;
  std::vector<store::Mount> mounts;
  std::vector<std::pair<std::string, std::string>> secrets;
  std::map<std::string, modal::client::VolumeMetadata> volumes;  // of the app's functions
};

// Containers know by it which calls a volume takes.
void read_volumes(store::View& view, Records& r) {
  for (const store::Function& f : r.functions) {
    Function definition;
    definition.ParseFromString(f.definition);
    for (const auto& dependency : definition.object_dependencies()) {
      const std::string& id = dependency.object_id();
      const auto object = id.starts_with("vo-")
                              ? store::find_object(view, r.app.workspace, "volume", id)
                              : std::nullopt;
      const auto volume = object ? store::find_volume(view, id) : std::nullopt;
      if (!volume) continue;
      modal::client::VolumeMetadata& metadata = r.volumes[id];
      fill_metadata(metadata, *object);
      metadata.set_version(static_cast<modal::client::VolumeFsVersion>(volume->fs_version));
    }
  }
}

Result<Records> read_records(const Context& c, store::View& view, const FunctionId& id,
                             const WorkspaceId& workspace) {
  Records r;
  const auto variant = store::find_variant(view, id);
  const auto function = store::find_function(view, workspace, variant ? variant->base : id);
  if (!function) return fail(Code::kNotFound, "function '", id, "' not found");
  r.id = id;
  r.function = *function;
  if (!r.definition.ParseFromString(r.function.definition))
    return fail(Code::kDataLoss, "the record of function ", id, " is damaged");
  if (variant) {
    r.params = variant->params;
    r.definition = definition_of(*variant, std::move(r.definition));
  }
  const auto app = store::find_app(view, workspace, r.function.app);
  if (!app) return fail(Code::kNotFound, "app '", r.function.app, "' not found");
  r.app = *app;
  const auto environment = store::find_environment_by_id(view, workspace, r.app.environment);
  if (!environment) return fail(Code::kNotFound, "environment '", r.app.environment, "' not found");
  r.environment = *environment;
  r.functions = store::list_functions(view, r.app.id);
  r.classes = store::list_classes(view, r.app.id);
  read_volumes(view, r);
  const auto image = store::find_image(view, workspace, ImageId(r.definition.image_id()));
  if (!image || image->state != store::ImageState::kBuilt)
    return fail(Code::kNotFound, "image '", r.definition.image_id(), "' not found, or not built");
  r.image = built_image_of(*image);
  for (const std::string& mount_id : r.definition.mount_ids()) {
    const auto mount = store::find_mount(view, workspace, MountId(mount_id));
    if (!mount) return fail(Code::kNotFound, "mount '", mount_id, "' not found");
    r.mounts.push_back(*mount);
  }
  for (const std::string& secret_id : r.definition.secret_ids()) {
    ASSIGN_OR_RETURN(const auto variables, open_secret(c, view, workspace, secret_id));
    r.secrets.insert(r.secrets.end(), variables.begin(), variables.end());
  }
  return r;
}

// The app as its containers see it. An id that a function depends on and that is missing here is a
// KeyError there.
void fill_layout(modal::client::AppLayout& layout, const Records& r) {
  std::set<std::string> objects;
  for (const store::Function& f : r.functions) {
    if (f.definition_id.empty()) continue;
    Function definition;
    definition.ParseFromString(f.definition);
    // One that builds an image is no part of the app, and may be called as another that is.
    if (definition.is_builder_function() && f.id != r.function.id) continue;
    (*layout.mutable_function_ids())[f.tag] = f.id.str();
    auto* object = layout.add_objects();
    object->set_object_id(f.id.str());
    *object->mutable_function_handle_metadata() = handle_of(f, definition);
    objects.insert(f.id.str());
    for (const auto& dependency : definition.object_dependencies()) {
      if (!objects.insert(dependency.object_id()).second) continue;
      if (dependency.object_id().starts_with("fu-")) continue;  // has its own entry
      auto* other = layout.add_objects();
      other->set_object_id(dependency.object_id());
      if (dependency.object_id().starts_with("mo-")) other->mutable_mount_handle_metadata();
      if (const auto volume = r.volumes.find(dependency.object_id()); volume != r.volumes.end())
        *other->mutable_volume_metadata() = volume->second;
    }
  }
  // One of a former version calls itself, and others as they are now.
  (*layout.mutable_function_ids())[r.function.tag] = r.function.id.str();
  for (const store::Class& cls : r.classes) {
    (*layout.mutable_class_ids())[cls.tag] = cls.id.str();
    auto* object = layout.add_objects();
    object->set_object_id(cls.id.str());
    object->mutable_class_handle_metadata();
  }
}

std::string arguments_of(const Records& r, const TaskId& task) {
  ContainerArguments arguments;
  arguments.set_task_id(task.str());
  arguments.set_function_id(r.id.str());
  arguments.set_serialized_params(r.params);
  arguments.set_app_id(r.app.id.str());
  *arguments.mutable_function_def() = r.definition;
  // Its container ends after the one input, so that its files can be kept.
  if (r.definition.is_builder_function()) {
    arguments.mutable_function_def()->set_max_inputs(1);
    arguments.mutable_function_def()->set_single_use_containers(true);
  }
  arguments.set_environment_name(r.environment.name);
  fill_layout(*arguments.mutable_app_layout(), r);
  return arguments.SerializeAsString();
}

using Environment = google::protobuf::Map<std::string, std::string>;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Without what differs from task to task, which fill_environment() adds.
void fill_common_environment(Environment& env, const Records& r, const Variables& secrets) {
  env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  // Another user's is in the image's own list, which the container looks into.
  if (const std::string& user = r.image->image.config.user;
      user.empty() || user == "root" || user == "0")
    env["HOME"] = "/root";
  env["LANG"] = "C.UTF-8";
  for (const auto& [name, value] : r.image->image.config.env) env[name] = value;
  for (const auto& [name, value] : secrets) env[name] = value;
  const std::string users_path = env.contains("PYTHONPATH") ? ":" + env["PYTHONPATH"] : "";
  env["PYTHONPATH"] = "/pkg:/root" + users_path;
  // Without it, what a function printed stays in the interpreter's buffer and is lost when the
  // container is killed.
  env["PYTHONUNBUFFERED"] = "1";
  // The host's part names no place. By it the official client believes the server to be on its own
  // machine, without which it calls no command router in the clear (see Blobs::kInsidePort).
  env["MODAL_SERVER_URL"] = cat("unix://", container::kLocalAddress, worker::Worker::kSocketPath);
  env["MODAL_IS_REMOTE"] = "1";
  env["MODAL_ENVIRONMENT"] = r.environment.name;
  env["MODAL_CLOUD_PROVIDER"] = "CLOUD_PROVIDER_UNSPECIFIED";
  env["MODAL_FUNCTION_RUNTIME"] = "ionian";
}

void fill_environment(Environment& env, const Records& r, const TaskId& task) {
  fill_common_environment(env, r, r.secrets);
  env["MODAL_TASK_ID"] = task.str();
  env["MODAL_CONTAINER_ARGUMENTS_PATH"] = worker::Worker::kArgumentsPath;
  env["MODAL_IMAGE_ID"] = r.definition.image_id();
}

// An interpreter may have loaded the runtime, with the image around it, before the program and its
// secrets are known.
void fill_standby(worker::TaskSpec& spec, const Records& r) {
  fill_common_environment(*spec.mutable_standby()->mutable_env(), r, {});
  spec.mutable_standby()->set_key(standby_key(r.app.workspace, r.environment.id, spec));
}

Result<void> fill_lowers(const Context& c, const images::LayerStore& layers, worker::TaskSpec& spec,
                         const Records& r) {
  const images::ImageConfig& config = r.image->image.config;
  const auto add = [&](const std::string& tree, bool also_in_standby) {
    spec.add_lowers(tree);
    if (also_in_standby) spec.mutable_standby()->add_lowers(tree);
  };
  for (const std::string& layer : r.image->image.layers) add(layers.path_of(layer), true);
  // Images of older builders carry the runtime's dependencies themselves.
  if (r.image->builder_version > "2024.10" && !config.python_version.empty()) {
    const std::string python = config.python_version.substr(0, config.python_version.rfind('.'));
    ASSIGN_OR_RETURN(const std::string tree, c.client_mounts.dependency_mount(
                                                 r.image->builder_version, python, config.libc));
    add(tree, true);
  }
  for (const store::Mount& mount : r.mounts) {
    ASSIGN_OR_RETURN(const std::string tree, tree_of_mount(c, mount));
    add(tree, is_client_mount(mount));
  }
  return {};
}

}  // namespace

Result<worker::TaskSpec> make_task_spec(const Context& c, const images::LayerStore& layers,
                                        const TaskLimits& limits, const TaskId& task,
                                        const FunctionId& function, const WorkspaceId& workspace) {
  ASSIGN_OR_RETURN(const Records r, c.store.read([&](store::View& view) {
    return read_records(c, view, function, workspace);
  }));
  worker::TaskSpec spec;
  spec.set_task_id(task.str());
  TRY(fill_lowers(c, layers, spec, r));
  fill_environment(*spec.mutable_env(), r, task);
  spec.set_arguments(arguments_of(r, task));
  const std::string& workdir = r.image->image.config.workdir;
  spec.set_workdir(workdir.empty() ? "/root" : workdir);
  for (const char* word : {"python", "-m", "modal._container_entrypoint"}) spec.add_command(word);
  const auto& resources = r.definition.resources();
  spec.set_memory_bytes(std::uint64_t{resources.memory_mb_max()} << 20);
  spec.set_cpu_milli(resources.milli_cpu_max());
  spec.set_asked_cpu_milli(resources.milli_cpu());
  spec.set_asked_memory_bytes(std::uint64_t{resources.memory_mb()} << 20);
  spec.set_user(r.image->image.config.user);
  spec.set_keep_upper(r.definition.is_builder_function());
  // What is kept must lie beside the layers, which a disk of its own would not.
  if (!spec.keep_upper())
    spec.set_disk_bytes(resources.ephemeral_disk_mb()
                            ? std::uint64_t{resources.ephemeral_disk_mb()} << 20
                            : limits.disk_bytes);
  spec.set_network(!r.definition.block_network());
  for (const auto& mount : r.definition.volume_mounts()) {
    worker::TaskVolume& volume = *spec.add_volumes();
    volume.set_volume_id(mount.volume_id());
    volume.set_target(images::clean_path("/", mount.mount_path()));
    volume.set_read_only(mount.read_only());
    volume.set_sub_path(mount.sub_path());
    volume.set_background_commits(mount.allow_background_commits());
  }
  for (const auto& mount : r.definition.shared_volume_mounts()) {
    const bool there = c.store.read([&](store::View& view) {
      return store::find_object(view, workspace, kSharedVolumeKind.kind, mount.shared_volume_id())
          .has_value();
    });
    if (!there)
      return fail(Code::kNotFound, "the network file system '", mount.shared_volume_id(),
                  "', which the function mounts at ", mount.mount_path(), ", was deleted");
    worker::TaskBind& bind = *spec.add_binds();
    bind.set_source(shared_folder_of(limits.shared_folder, mount.shared_volume_id()));
    bind.set_target(images::clean_path("/", mount.mount_path()));
    TRY(make_folders(bind.source()));
  }
  TRY(add_buckets(c, workspace, r.definition, spec));
  // The files of one that builds an image are kept, those of a standby are in the way there.
  if (spec.keep_upper())
    spec.clear_standby();
  else if (is_interactive(r.definition))
    add_terminal(spec, r.definition.pty_info());
  else
    fill_standby(spec, r);
  return spec;
}

}  // namespace ionian::services
