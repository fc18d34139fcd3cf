#pragma once
// The machine's GPUs as CDI files describe them (nvidia-container-toolkit writes such): what a
// container must be given to use each.
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "worker/task.pb.h"

namespace ionian::worker {

struct CdiDevice {
  std::string name;  // "nvidia.com/gpu=0"
  std::string type;  // "H100"; "UNKNOWN" where nothing tells it
  std::vector<TaskBind> binds;
  std::map<std::string, std::string> env;
  std::vector<std::string> libraries;  // folders that the linker shall look into
};

struct CdiFolders {
  std::vector<std::string> files = {"/etc/cdi", "/var/run/cdi"};
  std::string models = "/proc/driver/nvidia/gpus";  // as the driver tells them
};

// Devices of a kind whose class is "gpu" (nvidia.com/gpu), by file name; a device that several
// names describe comes once. A file that means nothing is left out with a warning.
std::vector<CdiDevice> read_cdi(const CdiFolders& folders);
// One file, JSON or YAML.   errors  INVALID_ARGUMENT
Result<std::vector<CdiDevice>> parse_cdi(const std::string& text,
                                         const std::map<unsigned, std::string>& types_by_minor);
// "NVIDIA H100 80GB HBM3" → "H100"
std::string gpu_type_of_model(std::string_view model);

// Gives a task the devices of these names.
void give_devices(TaskSpec& task, const std::vector<CdiDevice>& all,
                  const std::vector<std::string>& names);

}  // namespace ionian::worker
