#pragma once
// Containers as their owners see them: listed, asked about, stopped.
#include "modal_proto/container.pb.h"
#include "modal_proto/task.pb.h"
#include "services/context.h"

namespace ionian::services {

class TaskList {
 public:
  explicit TaskList(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // TaskList. Those that live, of one app or of an environment.   errors  NOT_FOUND environment,
  // app
  Result<modal::client::TaskListResponse> list(rpc::Call& call,
                                               const modal::client::TaskListRequest& request,
                                               core::Core& core);

  // TaskGetInfo. One that lives, or one that has ended: as long as its log is kept.
  //   errors   NOT_FOUND
  Result<modal::client::TaskGetInfoResponse> info(rpc::Call& call,
                                                  const modal::client::TaskGetInfoRequest& request,
                                                  core::Core& core);

  // ContainerStop. Gracefully: it ends after what it runs; else at once, and what it runs starts
  // again elsewhere. One that has ended is success.   errors  NOT_FOUND
  Result<modal::client::ContainerStopResponse> stop(
      rpc::Call& call, const modal::client::ContainerStopRequest& request, core::Core& core);

  Context& c_;
};

}  // namespace ionian::services
