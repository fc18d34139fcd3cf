#include "worker/task_container.h"

#include "worker/buckets.h"
#include "worker/worker.h"

namespace ionian::worker {

extern const std::string_view kStandbyProgram;  // standby.py

namespace {

// Its name makes the interpreter run it before all else.
constexpr const char* kStandbyFolder = "/__modal/standby";
constexpr const char* kStandbyFile = "/__modal/standby/sitecustomize.py";
constexpr std::uint64_t kStandbyMemory = 512 << 20;
constexpr std::uint64_t kStandbyDisk = 64 << 20;

// What both have in common, and must have to become one another.
container::ContainerSpec frame(const TaskSpec& task, const std::string& id,
                               const std::string& folder) {
  container::ContainerSpec spec;
  spec.set_id(id);
  spec.set_hostname("modal");
  auto* socket = spec.add_binds();
  socket->set_source(folder + "/server.sock");
  socket->set_target(Worker::kSocketPath);
  *spec.mutable_args() = task.command();
  spec.set_pids_max(kProgramPidsMax);
  spec.set_network(task.network() ? container::NETWORK_NAT : container::NETWORK_NONE);
  spec.set_user(task.user());
  return spec;
}

}  // namespace

container::Overlay overlay_of(const TaskVolume& volume) {
  container::Overlay overlay;
  overlay.set_target(volume.target());
  *overlay.mutable_lowers() = volume.lowers();
  overlay.set_upper_dir(volume.upper());
  overlay.set_upper_work_dir(volume.work());
  overlay.set_read_only(volume.read_only());
  overlay.set_sub_path(volume.sub_path());
  return overlay;
}

container::ContainerSpec container_of_task(const TaskSpec& task, const std::string& id,
                                           const std::string& folder) {
  container::ContainerSpec spec = frame(task, id, folder);
  *spec.mutable_lowers() = task.lowers();
  spec.set_upper_dir(folder + "/upper");
  spec.set_upper_work_dir(folder + "/work");
  spec.set_keep_upper(task.keep_upper());
  for (const TaskBind& bind : task.binds()) {
    auto* b = spec.add_binds();
    b->set_source(bind.source());
    b->set_target(bind.target());
    b->set_read_only(bind.read_only());
    b->set_device(bind.device());
  }
  for (const TaskVolume& volume : task.volumes()) *spec.add_overlays() = overlay_of(volume);
  add_buckets(spec, task, folder);
  auto* arguments = spec.add_files();
  arguments->set_path(Worker::kArgumentsPath);
  arguments->set_content(task.arguments());
  arguments->set_mode(0400);
  *spec.mutable_env() = task.env();
  spec.set_workdir(task.workdir());
  spec.set_memory_bytes(task.memory_bytes());
  spec.set_cpu_milli(task.cpu_milli());
  spec.set_asked_cpu_milli(task.asked_cpu_milli());
  spec.set_asked_memory_bytes(task.asked_memory_bytes());
  spec.set_disk_bytes(task.disk_bytes());
  spec.set_allow_setuid(task.keep_upper());
  return spec;
}

container::ContainerSpec container_of_standby(const TaskSpec& task, const std::string& id,
                                              const std::string& folder) {
  container::ContainerSpec spec = frame(task, id, folder);
  *spec.mutable_lowers() = task.standby().lowers();
  spec.set_upper_dir(folder + "/waiting/upper");
  spec.set_upper_work_dir(folder + "/waiting/work");
  auto* program = spec.add_files();
  program->set_path(kStandbyFile);
  program->set_content(std::string(kStandbyProgram));
  *spec.mutable_env() = task.standby().env();
  auto& path = (*spec.mutable_env())["PYTHONPATH"];
  path = cat(kStandbyFolder, ":", path);
  spec.set_memory_bytes(kStandbyMemory);
  spec.set_disk_bytes(kStandbyDisk);
  spec.set_disk_in_memory(true);
  spec.set_background(true);
  return spec;
}

}  // namespace ionian::worker
