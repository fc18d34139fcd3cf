#pragma once
// The task command router: programs that clients start in running containers. Its calls carry a
// token for one container, which TaskGetCommandRouterAccess gives out.
#include "modal_proto/task.pb.h"
#include "modal_proto/task_command_router.pb.h"
#include "services/context.h"

namespace ionian::services {

class CommandRouter {
 public:
  explicit CommandRouter(Context& context) : c_(context) {}
  void bind(rpc::Table& table);
  // Python clients come by the gateway's listener, which has TLS of its own (gateway/http2.h).
  void take_python_by_gateway() { python_by_gateway_ = true; }

 private:
  template <class Reply>
  using Poll = std::optional<Result<Reply>>;
  using AccessRequest = modal::client::TaskGetCommandRouterAccessRequest;
  using AccessReply = modal::client::TaskGetCommandRouterAccessResponse;
  using StartRequest = modal::task_command_router::TaskExecStartRequest;
  using StartReply = modal::task_command_router::TaskExecStartResponse;
  using PollRequest = modal::task_command_router::TaskExecPollRequest;
  using PollReply = modal::task_command_router::TaskExecPollResponse;
  using WaitRequest = modal::task_command_router::TaskExecWaitRequest;
  using WaitReply = modal::task_command_router::TaskExecWaitResponse;
  using ReadRequest = modal::task_command_router::TaskExecStdioReadRequest;
  using ReadReply = modal::task_command_router::TaskExecStdioReadResponse;
  using WriteRequest = modal::task_command_router::TaskExecStdinWriteRequest;
  using WriteReply = modal::task_command_router::TaskExecStdinWriteResponse;
  using StreamRequest = modal::task_command_router::TaskExecStdinWriteStreamRequest;
  using StreamReply = modal::task_command_router::TaskExecStdinWriteStreamResponse;
  using StatusRequest = modal::task_command_router::TaskExecStdinStatusRequest;
  using StatusReply = modal::task_command_router::TaskExecStdinStatusResponse;

  // TaskGetCommandRouterAccess. Where the router is, as the caller's kind of client writes it, and
  // a token for it that is worth an hour, and no more than the pair that asked.
  // A container's token is worth no more than itself, and reaches the router by the listener
  // inside.
  //   errors   NOT_FOUND · FAILED_PRECONDITION the container has ended, or the client would refuse
  //            an address without TLS
  Result<AccessReply> access(rpc::Call& call, const AccessRequest& request, core::Core& core);

  // TaskExecStart (poll). Answers when the program runs. Repeats are the same program.
  //   errors   NOT_FOUND container, secret · INVALID_ARGUMENT no such program ·
  //            UNAVAILABLE the container is starting · RESOURCE_EXHAUSTED it runs too many
  Poll<StartReply> start(rpc::Call& call, const StartRequest& request, worker::Execs& execs);
  // TaskExecPoll, TaskExecWait (poll). How it ended; poll: nothing while it runs.
  Result<PollReply> poll(rpc::Call& call, const PollRequest& request, worker::Execs& execs);
  Poll<WaitReply> wait(rpc::Call& call, const WaitRequest& request, worker::Execs& execs);
  // TaskExecStdioRead (stream). From an offset to the end of the stream.
  //   errors   OUT_OF_RANGE what begins there is no longer kept (Execs::kWindowBytes)
  std::optional<Status> stdio_read(rpc::Call& call, const ReadRequest& request,
                                   worker::Execs& execs, rpc::Emit<ReadReply>& emit);
  // TaskExecStdinWrite (poll). Answers when the server has all of it; bytes that came before are
  // passed over.
  //   errors   FAILED_PRECONDITION it has ended or closed its input, or there is a gap
  Poll<WriteReply> stdin_write(rpc::Call& call, const WriteRequest& request, worker::Execs& execs);
  // TaskExecStdinWriteStream (the client's stream): where it begins, bytes, and the end, which
  // closes the program's input and is answered; one that breaks off before may be gone on with.
  //   errors   as TaskExecStdinWrite · FAILED_PRECONDITION also if it does not begin where the
  //            input is, or another has taken over · INVALID_ARGUMENT another order
  Poll<StreamReply> stdin_stream(rpc::Call& call, rpc::Part<StreamRequest> part,
                                 worker::Execs& execs);
  // TaskExecStdinStatus. Where the input is, for one who goes on from there: ends its stream.
  Result<StatusReply> stdin_status(rpc::Call& call, const StatusRequest& request,
                                   worker::Execs& execs);

  Result<worker::ExecRequest> make(const rpc::Call& call, const StartRequest& request) const;
  Result<std::string> url_for(const rpc::Call& call) const;

  Context& c_;
  bool python_by_gateway_ = false;
};

}  // namespace ionian::services
