#pragma once
// Programs in running containers as clients before 1.0 start them: the command router's, by other
// words.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/container.pb.h"
#include "services/context.h"

namespace ionian::services {

class ContainerExecs {
 public:
  explicit ContainerExecs(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;
  template <class Reply>
  using Poll = std::optional<Result<Reply>>;

  // ContainerExec (poll). Answers when the program runs.   errors  as TaskExecStart
  Poll<modal::client::ContainerExecResponse> start(
      rpc::Call& call, const modal::client::ContainerExecRequest& request, worker::Execs& execs);
  // ContainerExecGetOutput (stream). What comes after byte `last_batch_index` within `timeout`; the
  // batch with the exit code is the last one.
  std::optional<Status> get_output(rpc::Call& call,
                                   const modal::client::ContainerExecGetOutputRequest& request,
                                   worker::Execs& execs,
                                   rpc::Emit<modal::client::RuntimeOutputBatch>& emit);
  // ContainerExecPutInput (poll). Messages are counted from 1; each is taken once.
  //   errors   FAILED_PRECONDITION one is missing before it, or the program has ended
  Poll<Empty> put_input(rpc::Call& call, const modal::client::ContainerExecPutInputRequest& request,
                        worker::Execs& execs);
  // ContainerExecWait (poll).
  Poll<modal::client::ContainerExecWaitResponse> wait(
      rpc::Call& call, const modal::client::ContainerExecWaitRequest& request,
      worker::Execs& execs);

  Result<worker::Execs::ExecPtr> find(const rpc::Call& call, const std::string& id) const;

  Context& c_;
};

}  // namespace ionian::services
