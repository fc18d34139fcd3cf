#pragma once
// Carries out a Dockerfile: each line that changes files becomes a layer.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "images/base_images.h"
#include "images/dockerfile.h"
#include "images/image.h"
#include "images/step.h"
#include "images/wheels.h"

namespace ionian::images {

struct BuildInput {
  std::vector<std::string> dockerfile_commands;   // each may hold several lines
  std::map<std::string, BuiltImage> base_images;  // what "FROM base" means
  std::vector<std::pair<std::string, std::string>>
      context_files;         // name and content: small ones, for COPY
  std::string context_tree;  // folder of a materialised mount, "" = none
  std::map<std::string, std::string> build_args;
  Variables secret_env;  // seen by RUN only, and kept nowhere
  std::string builder_version;
};

// Whether steps get the host's CA bundle and its settings of pip, uv, apt and proxies
// (HostSettings): by one read-only bind of a folder at /run/ionian-host and by variables that point
// into it. Neither stays in the image, and variables of the image or of secrets win over it.
// Without it steps see the network as it is.
enum class HostAccess { kShare, kNone };

struct BuildSettings {
  std::string root;   // DATA/build: the folder of the host's settings
  std::string cache;  // IONIAN_CACHE or DATA/cache: wheels
  HostAccess host_access = HostAccess::kShare;
  HostSettingsWhenWanted host;
  std::string python = "python3";  // the host's, with pip
};

class Builder {
 public:
  // The references must outlive it.
  Builder(const LayerStore& layers, const BaseImages& bases, StepRunner& runner,
          BuildSettings settings);

  // Builds on the calling thread; several may at once. The log gets each line of the Dockerfile as
  // it comes to its turn, and all output. Layers of base images are shared, those that it made
  // belong to the caller.
  //   errors  INVALID_ARGUMENT the Dockerfile, a missing source or base image
  //           FAILED_PRECONDITION a command failed: the message has it, its exit code, its last
  //           lines CANCELLED
  // Then nothing of it is left.
  Result<BuiltImage> build(const BuildInput& input, BuildLog& log,
                           const std::atomic<bool>& cancelled) const;

 private:
  friend class Build;
  Result<StepAid> aid() const;

  const LayerStore* layers_;
  const BaseImages* bases_;
  StepRunner* runner_;
  BuildSettings settings_;
  Wheels wheels_;
  // Made for the first build.
  struct Aid {
    std::once_flag once;
    Result<StepAid> made;
  };
  std::unique_ptr<Aid> aid_ = std::make_unique<Aid>();
};

}  // namespace ionian::images
