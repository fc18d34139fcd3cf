#pragma once
// What became of a function call, and of the calls that it made.
#include "modal_proto/function.pb.h"
#include "services/context.h"

namespace ionian::services {

class CallInfo {
 public:
  static constexpr int kListed = 1000;
  static constexpr std::size_t kCounted = 100'000;

  explicit CallInfo(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // FunctionCallGetInfo. How many inputs there are, by what became of them.
  //   errors   NOT_FOUND call
  Result<modal::client::FunctionCallGetInfoResponse> get_info(
      rpc::Call& call, const modal::client::FunctionCallGetInfoRequest& request, core::Core& core);

  // FunctionCallList. The calls of a function that are remembered, the newest first: those that
  // run, those that were read in the last minute, and asynchronous ones that somebody has asked for
  // in that time. No more than kListed, and none after the one with which kCounted inputs are
  // passed.
  //   errors   NOT_FOUND function
  Result<modal::client::FunctionCallListResponse> list(
      rpc::Call& call, const modal::client::FunctionCallListRequest& request, core::Core& core);

  // FunctionGetCallGraph. The whole tree that the call is part of, as far as its calls are
  // remembered: those of synchronous calls go a minute after they were read.
  //   errors   NOT_FOUND call
  Result<modal::client::FunctionGetCallGraphResponse> get_call_graph(
      rpc::Call& call, const modal::client::FunctionGetCallGraphRequest& request, core::Core& core);

  Context& c_;
};

}  // namespace ionian::services
