#pragma once
// One command of a build in a container of its own. Implemented with the container runtime; this
// room only says what is to run.
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/host_settings.h"

namespace ionian::images {

struct StepSpec {
  std::string name;  // for logs: "RUN pip install numpy"
  std::vector<std::string>
      lowers;  // folders of layers, lowest first; never empty: an empty one stands for scratch
  std::string scratch_dir;  // the runner makes the step's upper and work folders in here
  std::vector<std::string> args;
  std::vector<std::string> env;  // "NAME=value", complete
  std::string workdir;           // "" = /
  std::string user;              // as in USER: "", "root", "1000", "web:www"
  bool network = true;
  std::vector<Bind>
      binds;  // to be made in this order; targets that are missing may be created in the upper
};

struct StepResult {
  int exit_code = 0;
  int signal = 0;
  bool oom_killed = false;
  std::uint64_t memory_bytes = 0;  // that it could take; 0 = no bound
  std::string upper_dir;           // what the step changed, inside scratch_dir
  std::uint32_t id_base = 0;       // the id of the container's root in upper_dir
};

class StepRunner {
 public:
  virtual ~StepRunner() = default;
  // Runs the step to its end. A command that fails is a success of this call. CANCELLED once
  // `cancelled` is true.
  virtual Result<StepResult> run(
      const StepSpec& step, const std::function<void(int fd, std::string_view text)>& on_output,
      const std::atomic<bool>& cancelled) = 0;
  // What a step may write, also one that needs no container; 0 = no bound.
  virtual std::uint64_t disk_bytes() const { return 0; }
};

}  // namespace ionian::images
