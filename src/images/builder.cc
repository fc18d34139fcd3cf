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

Result<StepAid> Builder::aid() const {
  if (settings_.host_access == HostAccess::kNone) return StepAid{};
  std::call_once(aid_->once, [this] {
    aid_->made = make_step_aid(settings_.host.get(), cat(settings_.root, "/host"));
  });
  return aid_->made;
}

Result<BuiltImage> Builder::build(const BuildInput& input, BuildLog& log,
                                  const std::atomic<bool>& cancelled) const {
  ASSIGN_OR_RETURN(const StepAid aid, this->aid());
  Build build(*this, aid, input, log, cancelled);
  Result<BuiltImage> image = build.run();
  build.remove_layers_but(image ? image->layers : std::vector<std::string>{});
  return image;
}

}  // namespace ionian::images
