#pragma once
// Layers that a function makes (Image.run_function): the official runtime runs it in a container on
// the image below, and what it leaves in the file system becomes the layer.
#include "images/builder.h"
#include "images/layers.h"
#include "modal_proto/image.pb.h"
#include "services/context.h"
#include "services/tasks.h"

namespace ionian::services {

struct FunctionBuild {
  WorkspaceId workspace;
  FunctionId function;
  images::BuiltImage base;
  std::string input;  // serialized modal.client.FunctionInput, with the function's arguments
};

class FunctionBuilder {
 public:
  virtual ~FunctionBuilder() = default;
  // Runs the function on the calling thread's time; when it returns, its containers are gone.
  //   errors  FAILED_PRECONDITION the function failed: the message is its traceback
  //           ABORTED the function's app was stopped meanwhile · CANCELLED ·
  //           RESOURCE_EXHAUSTED it wrote more than a step may
  virtual Result<images::BuiltImage> build(const FunctionBuild& build, images::BuildLog& log,
                                           const std::atomic<bool>& cancelled) = 0;
};

// Where the containers of builder functions write, and how much each may; 0 = no bound.
struct BuilderDisk {
  std::function<std::string(const TaskId&)> folder_of;
  std::uint64_t bytes = 0;
};

class ContainerFunctionBuilder final : public FunctionBuilder {
 public:
  ContainerFunctionBuilder(Context& context, Tasks& tasks, const images::LayerStore& layers,
                           BuilderDisk disk)
      : c_(context), tasks_(tasks), layers_(layers), disk_(std::move(disk)) {}
  Result<images::BuiltImage> build(const FunctionBuild& build, images::BuildLog& log,
                                   const std::atomic<bool>& cancelled) override;

 private:
  Context& c_;
  Tasks& tasks_;
  const images::LayerStore& layers_;
  const BuilderDisk disk_;
};

}  // namespace ionian::services
