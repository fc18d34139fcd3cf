#pragma once
// Steps of image builds, run as containers by the worker.
#include <optional>

#include "images/step.h"
#include "worker/worker.h"

namespace ionian::worker {

// What a step may write and take of the memory, in bytes; 0 = no bound.
struct StepBounds {
  std::uint64_t disk = 0, memory = 0;
};
// From options in MiB. A memory that is not said is half of the machine's, and at least 2 GiB.
StepBounds step_bounds(std::uint64_t disk_mib, std::optional<std::uint64_t> memory_mib);

class ContainerStepRunner final : public images::StepRunner {
 public:
  ContainerStepRunner(Worker& worker, Random& random, StepBounds bounds)
      : worker_(worker), random_(random), bounds_(bounds) {}

  // Blocks the calling thread, which is a build's own. After a failure the container is gone when
  // it returns.
  //   errors   CANCELLED · RESOURCE_EXHAUSTED it wrote too much · UNAVAILABLE, INTERNAL no
  //   container
  Result<images::StepResult> run(
      const images::StepSpec& step,
      const std::function<void(int fd, std::string_view text)>& on_output,
      const std::atomic<bool>& cancelled) override;
  std::uint64_t disk_bytes() const override { return bounds_.disk; }

 private:
  Worker& worker_;
  Random& random_;
  const StepBounds bounds_;
};

}  // namespace ionian::worker
