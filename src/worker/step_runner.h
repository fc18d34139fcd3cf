#pragma once
// Steps of image builds, run as containers by the worker.
#include "images/step.h"
#include "worker/worker.h"

namespace ionian::worker {

class ContainerStepRunner final : public images::StepRunner {
 public:
  // A step may write `disk_bytes`; 0 = no bound.
  ContainerStepRunner(Worker& worker, Random& random, std::uint64_t disk_bytes)
      : worker_(worker), random_(random), disk_bytes_(disk_bytes) {}

  // Blocks the calling thread, which is a build's own. After a failure the container is gone when
  // it returns.
  //   errors   CANCELLED · RESOURCE_EXHAUSTED it wrote too much · UNAVAILABLE, INTERNAL no
  //   container
  Result<images::StepResult> run(
      const images::StepSpec& step,
      const std::function<void(int fd, std::string_view text)>& on_output,
      const std::atomic<bool>& cancelled) override;

 private:
  Worker& worker_;
  Random& random_;
  const std::uint64_t disk_bytes_;
};

}  // namespace ionian::worker
