#include "services/task_spec.h"

#include "modal_proto/container.pb.h"
#include "services/functions.h"
#include "services/images.h"
#include "services/mounts.h"
#include "services/secrets.h"
#include "store/workspaces.h"
#include "worker/worker.h"

namespace ionian::services {
namespace {

using modal::client::ContainerArguments;
using modal::client::Function;

// Everything that the store knows, read in one go.
struct Records {
  store::Function function;
  Function definition;
  store::App app;
  store::Environment environment;
  std::vector<store::Function> functions;
  std::vector<store::Class> classes;
  std::optional<RecordedImage> image;
  std::vector<store::Mount> mounts;
  std::vector<std::pair<std::string, std::string>> secrets;
};

Result<Records> read_records(const Context& c, store::View& view, const FunctionId& id, const WorkspaceId& workspace) {
  Records r;
  const auto function = store::find_function(view, workspace, id);
  if (!function) return fail(Code::kNotFound, "function '", id, "' not found");
  r.function = *function;
  if (!r.definition.ParseFromString(r.function.definition)) return fail(Code::kDataLoss, "the record of function ", id, " is damaged");
  const auto app = store::find_app(view, workspace, r.function.app);
  if (!app) return fail(Code::kNotFound, "app '", r.function.app, "' not found");
  r.app = *app;
  const auto environment = store::find_environment_by_id(view, workspace, r.app.environment);
  if (!environment) return fail(Code::kNotFound, "environment '", r.app.environment, "' not found");
  r.environment = *environment;
  r.functions = store::list_functions(view, r.app.id);
  r.classes = store::list_classes(view, r.app.id);
  const auto image = store::find_image(view, workspace, ImageId(r.definition.image_id()));
  if (!image || image->state != store::ImageState::kBuilt) return fail(Code::kNotFound, "image '", r.definition.image_id(), "' not found, or not built");
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

// The app as its containers see it. An id that a function depends on and that is missing here is a KeyError there.
void fill_layout(modal::client::AppLayout& layout, const Records& r) {
  std::set<std::string> objects;
  for (const store::Function& f : r.functions) {
    if (f.definition_id.empty()) continue;
    Function definition;
    definition.ParseFromString(f.definition);
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
    }
  }
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
  arguments.set_function_id(r.function.id.str());
  arguments.set_app_id(r.app.id.str());
  *arguments.mutable_function_def() = r.definition;
  arguments.set_environment_name(r.environment.name);
  fill_layout(*arguments.mutable_app_layout(), r);
  return arguments.SerializeAsString();
}

void fill_environment(worker::TaskSpec& spec, const Records& r, const TaskId& task) {
  auto& env = *spec.mutable_env();
  env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  env["HOME"] = "/root";
  env["LANG"] = "C.UTF-8";
  for (const auto& [name, value] : r.image->image.config.env) env[name] = value;
  for (const auto& [name, value] : r.secrets) env[name] = value;
  const std::string users_path = env.contains("PYTHONPATH") ? ":" + env["PYTHONPATH"] : "";
  env["PYTHONPATH"] = "/pkg:/root" + users_path;
  // Without it, what a function printed stays in the interpreter's buffer and is lost when the container is killed.
  env["PYTHONUNBUFFERED"] = "1";
  env["MODAL_SERVER_URL"] = cat("unix://", worker::Worker::kSocketPath);
  env["MODAL_TASK_ID"] = task.str();
  env["MODAL_IS_REMOTE"] = "1";
  env["MODAL_CONTAINER_ARGUMENTS_PATH"] = worker::Worker::kArgumentsPath;
  env["MODAL_IMAGE_ID"] = r.definition.image_id();
  env["MODAL_ENVIRONMENT"] = r.environment.name;
  env["MODAL_CLOUD_PROVIDER"] = "CLOUD_PROVIDER_UNSPECIFIED";
  env["MODAL_FUNCTION_RUNTIME"] = "ionian";
}

Result<void> fill_lowers(const Context& c, const images::LayerStore& layers, worker::TaskSpec& spec, const Records& r) {
  const images::ImageConfig& config = r.image->image.config;
  for (const std::string& layer : r.image->image.layers) spec.add_lowers(layers.path_of(layer));
  // Images of older builders carry the runtime's dependencies themselves.
  if (r.image->builder_version > "2024.10" && !config.python_version.empty()) {
    const std::string python = config.python_version.substr(0, config.python_version.rfind('.'));
    ASSIGN_OR_RETURN(const std::string tree, c.client_mounts.dependency_mount(r.image->builder_version, python, config.libc));
    spec.add_lowers(tree);
  }
  for (const store::Mount& mount : r.mounts) {
    ASSIGN_OR_RETURN(const std::string tree, tree_of_mount(c, mount));
    spec.add_lowers(tree);
  }
  return {};
}

}  // namespace

Result<worker::TaskSpec> make_task_spec(const Context& c, const images::LayerStore& layers, const TaskId& task,
                                        const FunctionId& function, const WorkspaceId& workspace) {
  ASSIGN_OR_RETURN(const Records r, c.store.read([&](store::View& view) { return read_records(c, view, function, workspace); }));
  worker::TaskSpec spec;
  spec.set_task_id(task.str());
  TRY(fill_lowers(c, layers, spec, r));
  fill_environment(spec, r, task);
  spec.set_arguments(arguments_of(r, task));
  const std::string& workdir = r.image->image.config.workdir;
  spec.set_workdir(workdir.empty() ? "/root" : workdir);
  for (const char* word : {"python", "-m", "modal._container_entrypoint"}) spec.add_command(word);
  const auto& resources = r.definition.resources();
  spec.set_memory_bytes(std::uint64_t{resources.memory_mb_max()} << 20);
  spec.set_cpu_milli(resources.milli_cpu_max());
  spec.set_disk_bytes(std::uint64_t{resources.ephemeral_disk_mb()} << 20);
  spec.set_network(!r.definition.block_network());
  return spec;
}

}  // namespace ionian::services
