#include "images/builder.h"

#include "images/build.h"

namespace ionian::images {

Builder::Builder(const LayerStore& layers, const BaseImages& bases, StepRunner& runner,
                 BuildSettings settings)
    : layers_(&layers),
      bases_(&bases),
      runner_(&runner),
      settings_(std::move(settings)),
      wheels_(cat(settings_.cache, "/wheels"), settings_.python) {}

Result<Builder> Builder::make(const LayerStore& layers, const BaseImages& bases, StepRunner& runner,
                              BuildSettings settings) {
  Builder builder(layers, bases, runner, std::move(settings));
  if (builder.settings_.host_access == HostAccess::kShare) {
    ASSIGN_OR_RETURN(builder.aid_,
                     make_step_aid(builder.settings_.host, cat(builder.settings_.root, "/host")));
  }
  return builder;
}

Result<BuiltImage> Builder::build(const BuildInput& input, BuildLog& log,
                                  const std::atomic<bool>& cancelled) const {
  Build build(*this, input, log, cancelled);
  Result<BuiltImage> image = build.run();
  build.remove_layers_but(image ? image->layers : std::vector<std::string>{});
  return image;
}

}  // namespace ionian::images
