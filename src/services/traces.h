#pragma once
// Where the time of a call went, for the owner of the machine.
#include "core/core.h"
#include "services/admin.pb.h"
#include "services/context.h"

namespace ionian::services {

class Traces {
 public:
  void bind(rpc::Table& table);

 private:
  // Trace. A call is remembered while it runs and for a minute after it was read.
  //   errors   NOT_FOUND
  Result<TraceResponse> trace(rpc::Call& call, const TraceRequest& request, core::Core& core);
};

}  // namespace ionian::services
