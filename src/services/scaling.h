#pragma once
// How many containers a function has and how much each of them takes at a time: what can be changed
// and asked while it runs.
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/apps.h"

namespace ionian::services {

class Scaling {
 public:
  explicit Scaling(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // FunctionUpdateSchedulingParams. Fields that are not set stay; max_containers 0 is "no limit".
  // It holds until the function is deployed again, also over a restart.
  //   in       warm_pool_size_override alone, from clients before 1.0: min_containers
  //   errors   NOT_FOUND · INVALID_ARGUMENT min over max, or what only servers have
  Result<modal::client::FunctionUpdateSchedulingParamsResponse> update(
      rpc::Call& call, const modal::client::FunctionUpdateSchedulingParamsRequest& request,
      store::Tx& tx);

  // FunctionGetSchedulingParams. The settings that hold now, and where they come from.
  Result<modal::client::FunctionGetSchedulingParamsResponse> get(
      rpc::Call& call, const modal::client::FunctionGetSchedulingParamsRequest& request,
      store::View& view);

  // FunctionGetDynamicConcurrency. Containers that take more inputs under pressure ask each 3 s.
  Result<modal::client::FunctionGetDynamicConcurrencyResponse> concurrency(
      rpc::Call& call, const modal::client::FunctionGetDynamicConcurrencyRequest& request,
      core::Core& core);

  // FunctionGetCurrentStats. What waits, what runs, and where there is room.
  Result<modal::client::FunctionStats> stats(
      rpc::Call& call, const modal::client::FunctionGetCurrentStatsRequest& request,
      core::Core& core);

  // A function or a variant, with its own definition.
  struct Found {
    store::Function record;
    modal::client::Function definition;
    bool variant = false;
  };
  Result<Found> found(rpc::Call& call, store::View& view, const std::string& id) const;
  Result<const core::Function*> function_of(const rpc::Call& call, core::Core& core,
                                            const std::string& id) const;
  Context& c_;
};

}  // namespace ionian::services
