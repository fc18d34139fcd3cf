#pragma once
// What became of a function's inputs and containers, as series over time.
#include "modal_proto/common.pb.h"
#include "modal_proto/function.pb.h"
#include "services/history_reader.h"

namespace ionian::services {

class FunctionMetrics {
 public:
  FunctionMetrics(Context& context, History& history) : reader_(context, history) {}
  void bind(rpc::Table& table);

 private:
  // MetricsGetInfo. Which groups of series there are, and how a range of time would be divided.
  //   errors   INVALID_ARGUMENT unknown group, range empty, over 31 days or in over 500 buckets
  Result<modal::client::MetricsGetInfoResponse> info(
      rpc::Call& call, const modal::client::MetricsGetInfoRequest& request);

  // FunctionGetMetrics. The series of the named groups, or of all. A point of a time from which
  // records may be missing has no value.
  //   errors   as above, and NOT_FOUND function
  std::optional<Result<modal::client::FunctionGetMetricsResponse>> series(
      rpc::Call& call, const modal::client::FunctionGetMetricsRequest& request, core::Core& core);

  HistoryReader reader_;
};

}  // namespace ionian::services
