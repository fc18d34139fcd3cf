#pragma once
// Variants of functions: instances of classes by their parameters, and functions with options.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/apps.h"
#include "store/overrides.h"
#include "store/variants.h"

namespace ionian::services {

// The definition that a variant's containers run: its base's, with the options put over it.
modal::client::Function with_options(modal::client::Function definition,
                                     const modal::client::FunctionOptions& options);
// The same from a record, whose options may be absent.
modal::client::Function definition_of(const store::Variant& variant, modal::client::Function base);

// What the core needs of a function or a variant: its definition, and what update_autoscaler has
// put over it.
core::FunctionConfig config_now(store::View& view, const store::Function& record,
                                const modal::client::Function& definition,
                                const WorkspaceId& workspace);
// The settings that were changed; each field by its name.
modal::client::AutoscalerSettings settings_of_overrides(
    const std::vector<store::Override>& overrides);
void put_settings(core::FunctionConfig& config, const modal::client::AutoscalerSettings& settings);

// What the core needs of a function and of all its variants: what it is now, they are too.
std::vector<core::FunctionConfig> configs_of(store::View& view, const store::Function& record,
                                             const modal::client::Function& definition,
                                             const WorkspaceId& workspace);

// The core lets go of variants that idle; this one is there again. Null if there is no such
// function, or its app is stopped. On the core's thread, or before the loops run.
const core::Function* function_here(store::View& view, core::Core& core, Time now,
                                    const WorkspaceId& workspace, const FunctionId& id);
const core::Function* function_here(const Context& c, core::Core& core, Time now,
                                    const WorkspaceId& workspace, const FunctionId& id);

class Variants {
 public:
  explicit Variants(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // FunctionBindParams. The variant of a function with these parameters and options; asked for
  // again, the same one. It has a pool of containers of its own.
  //   errors  NOT_FOUND function, secret · INVALID_ARGUMENT a variant of a variant, a machine that
  //           is not this one
  Result<modal::client::FunctionBindParamsResponse> bind_params(
      rpc::Call& call, const modal::client::FunctionBindParamsRequest& request, store::Tx& tx);

  // FunctionListVariants. The newest first, in pages.   errors  NOT_FOUND
  Result<modal::client::FunctionListVariantsResponse> list(
      rpc::Call& call, const modal::client::FunctionListVariantsRequest& request,
      store::View& view);

  Context& c_;
};

}  // namespace ionian::services
