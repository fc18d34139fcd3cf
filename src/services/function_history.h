#pragma once
// What became of a function's inputs and containers: one by one, and counted.
#include "modal_proto/app.pb.h"
#include "modal_proto/function.pb.h"
#include "services/history_reader.h"

namespace ionian::services {

class FunctionHistory {
 public:
  FunctionHistory(Context& context, History& history) : c_(context), reader_(context, history) {}
  void bind(rpc::Table& table);

 private:
  // FunctionCallFetch. The newest inputs, newest first, or those that came in a range of time,
  // oldest first; what is not done stands beside what is.
  //   errors   NOT_FOUND function · INVALID_ARGUMENT neither of them, an empty range
  //            · RESOURCE_EXHAUSTED too many inputs are unfinished to look through
  std::optional<Result<modal::client::FunctionCallFetchResponse>> fetch(
      rpc::Call& call, const modal::client::FunctionCallFetchRequest& request, core::Core& core);

  // FunctionCallCount. How many inputs came, by spans of bucket_secs; empty spans are left out at
  // no place between the first and the last.
  //   errors   as above
  std::optional<Result<modal::client::FunctionCallCountResponse>> count(
      rpc::Call& call, const modal::client::FunctionCallCountRequest& request, core::Core& core);

  // FunctionGetTimeRangeStats. Inputs that were done and containers that were there in a range of
  // time. `since` of the answer is later than asked where records do not reach back that far.
  //   errors   NOT_FOUND function · INVALID_ARGUMENT range empty or over 7 days
  std::optional<Result<modal::client::FunctionGetTimeRangeStatsResponse>> stats(
      rpc::Call& call, const modal::client::FunctionGetTimeRangeStatsRequest& request,
      core::Core& core);

  // AppGetTimeRangeStats. The same, shorter, of all functions of an app.
  //   errors   NOT_FOUND app · INVALID_ARGUMENT range empty or over 7 days
  std::optional<Result<modal::client::AppGetTimeRangeStatsResponse>> app_stats(
      rpc::Call& call, const modal::client::AppGetTimeRangeStatsRequest& request, core::Core& core);

  Context& c_;
  HistoryReader reader_;
};

}  // namespace ionian::services
