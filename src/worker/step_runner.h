#pragma once
// Steps of image builds, run as containers by the worker.
#include "images/step.h"
#include "worker/worker.h"

namespace ionian::worker {

class ContainerStepRunner final : public images::StepRunner {
 public:
  ContainerStepRunner(Worker& worker, Random& random) : worker_(worker), random_(random) {}

  // Blocks the calling thread, which is a build's own. After a cancellation the container is gone
  // when it returns.
  Result<images::StepResult> run(
      const images::StepSpec& step,
      const std::function<void(int fd, std::string_view text)>& on_output,
      const std::atomic<bool>& cancelled) override;

 private:
  Worker& worker_;
  Random& random_;
};

}  // namespace ionian::worker
