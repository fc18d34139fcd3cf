#include "services/command_router.h"

#include "container/netns.h"
#include "services/blobs.h"
#include "services/exec_access.h"
#include "services/task_records.h"

namespace ionian::services {
namespace {

using worker::Execs;

constexpr std::size_t kChunkBytes = 64 << 10;
constexpr int kChunksAStep = 4;
constexpr std::size_t kIdMax = 200;

struct Reading {
  Execs::ExecPtr exec;
  Execs::Look look;
  std::uint64_t offset = 0;
};

struct Writing {
  Execs::ExecPtr exec;
  Execs::InputStream stream;
};

worker::Sink sink_of(int config) {
  return config == 0   ? worker::Sink::kNull
         : config == 2 ? worker::Sink::kStdout
                       : worker::Sink::kPipe;
}

template <class Reply>
Reply reply_of(const worker::ExecEnd& end) {
  Reply reply;
  if (end.signal)
    reply.set_signal(end.signal);
  else
    reply.set_code(end.exit_code);
  return reply;
}

// By the address that gRPC shows.
bool is_of_this_machine(const std::string& peer) {
  return peer.starts_with("ipv4:127.") || peer.starts_with("ipv6:[::1]") ||
         peer.starts_with("ipv6:%5B::1%5D") || peer.starts_with("unix:");
}

}  // namespace

void CommandRouter::bind(rpc::Table& table) {
  rpc::Table::Binder(table, this)("TaskGetCommandRouterAccess", &CommandRouter::access);
  rpc::Table::Binder on(table, this, rpc::Table::kRouter);
  on("TaskExecStart", &CommandRouter::start);
  on("TaskExecPoll", &CommandRouter::poll);
  on("TaskExecWait", &CommandRouter::wait);
  on("TaskExecStdioRead", &CommandRouter::stdio_read);
  on("TaskExecStdinWrite", &CommandRouter::stdin_write);
  on("TaskExecStdinWriteStream", &CommandRouter::stdin_stream);
  on("TaskExecStdinStatus", &CommandRouter::stdin_status);
}

// Python takes http:// from a server on its own machine. JavaScript and Go want to read https:// in
// any case, and then speak in the clear to their own machine.
Result<std::string> CommandRouter::url_for(const rpc::Call& call) const {
  const rpc::ClientType type = call.headers.client_type;
  const bool wants_https = type == rpc::ClientType::kJavaScript || type == rpc::ClientType::kGo;
  if (!call.caller.task.empty())
    return cat(wants_https ? "https" : "http", "://", container::kLocalAddress, ':',
               Blobs::kInsidePort);
  // gRPC's own listener closes the Python client's connection (gateway/http2.h).
  if (python_by_gateway_ && call.headers.client_type == rpc::ClientType::kPython)
    return Context::url_for(call.headers, c_.public_url, c_.http_is_wildcard);
  const std::string url = Context::url_for(call.headers, c_.server_url, c_.server_is_wildcard);
  if (url.starts_with("https://")) return url;
  if (!is_of_this_machine(call.peer))
    return fail(Code::kFailedPrecondition,
                "clients on other machines run commands in containers over TLS only. Start the "
                "server with --tls-cert and --tls-key, or behind a proxy with TLS that "
                "--server-url names");
  return wants_https ? cat("https", url.substr(url.find(':'))) : url;
}

Result<CommandRouter::AccessReply> CommandRouter::access(rpc::Call& call,
                                                         const AccessRequest& request,
                                                         core::Core& core) {
  const TaskId id(request.task_id());
  ASSIGN_OR_RETURN(const TaskRecord task, task_of(c_, call, id, recent_task(core, id)));
  if (task.ended) return fail(Code::kFailedPrecondition, "container ", id, " has ended");
  AccessReply reply;
  ASSIGN_OR_RETURN(*reply.mutable_url(), url_for(call));
  reply.set_jwt(c_.auth_tokens.issue(call.caller, c_.random, call.now, id));
  return reply;
}

Result<worker::ExecRequest> CommandRouter::make(const rpc::Call& call,
                                                const StartRequest& request) const {
  ASSIGN_OR_RETURN(worker::ExecRequest made, new_exec(c_, call, request.task_id(),
                                                      request.exec_id(), request.command_args()));
  if (request.exec_id().empty() || request.exec_id().size() > kIdMax)
    return fail(Code::kInvalidArgument, "exec_id needs 1 to ", kIdMax, " characters");
  TRY(check_no_sidecar(request.task_id(), request.container_id()));
  made.out = sink_of(request.stdout_config());
  made.err = sink_of(request.stderr_config());
  made.timeout = std::chrono::seconds(request.timeout_secs());
  made.spec.set_workdir(request.workdir());
  Variables& env = *made.spec.mutable_env();
  // Two generations of clients: lists of both kinds, or one list in order.
  for (const std::string& id : request.secret_ids()) TRY(add_secret(c_, call, id, env));
  for (const auto& [name, value] : request.env()) env[name] = value;
  for (const auto& source : request.secret_sources()) {
    if (source.has_secret_id()) TRY(add_secret(c_, call, source.secret_id(), env));
    for (const auto& [name, value] : source.env().contents()) env[name] = value;
  }
  if (request.has_pty_info()) add_terminal(request.pty_info(), made.spec);
  return made;
}

CommandRouter::Poll<CommandRouter::StartReply> CommandRouter::start(rpc::Call& call,
                                                                    const StartRequest& request,
                                                                    Execs& execs) {
  Starting& starting = call.state<Starting>();
  if (!starting.exec) {
    ASSIGN_OR_RETURN(worker::ExecRequest wanted, make(call, request));
    TRY(start_exec(execs, starting, std::move(wanted)));
  }
  const auto started = wait_for_start(call, execs, *starting.exec);
  if (!started) return std::nullopt;
  TRY(*started);
  audit_start(c_, call, starting);
  return StartReply();
}

Result<CommandRouter::PollReply> CommandRouter::poll(rpc::Call& call, const PollRequest& request,
                                                     Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, exec_of(c_, call, request.task_id(), request.exec_id()));
  const auto end = execs.end(*exec);
  return end ? reply_of<PollReply>(*end) : PollReply();
}

CommandRouter::Poll<CommandRouter::WaitReply> CommandRouter::wait(rpc::Call& call,
                                                                  const WaitRequest& request,
                                                                  Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, exec_of(c_, call, request.task_id(), request.exec_id()));
  if (const auto end = wait_for_end(call, execs, *exec)) return reply_of<WaitReply>(*end);
  return std::nullopt;
}

std::optional<Status> CommandRouter::stdio_read(rpc::Call& call, const ReadRequest& request,
                                                Execs& execs, rpc::Emit<ReadReply>& emit) {
  Reading& reading = call.state<Reading>();
  if (!reading.exec) {
    auto exec = exec_of(c_, call, request.task_id(), request.exec_id());
    if (!exec) return exec.error();
    reading = {.exec = *exec, .look = {execs, *exec}, .offset = request.offset()};
  }
  const bool err = request.file_descriptor() ==
                   modal::task_command_router::TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR;
  for (int i = 0; i < kChunksAStep; ++i) {
    auto output = execs.read(*reading.exec, err ? 2 : 1, reading.offset, kChunkBytes);
    if (!output) return output.error();
    const bool nothing = output->bytes.empty();
    reading.offset += output->bytes.size();
    // An empty message would be an error to the client.
    if (!nothing) {
      ReadReply chunk;
      chunk.set_data(std::move(output->bytes));
      emit(std::move(chunk));
    }
    if (output->over) return Status::ok_status();
    if (nothing) break;
  }
  if (emit.empty()) call.watch(Execs::key_of(*reading.exec));
  return std::nullopt;
}

CommandRouter::Poll<CommandRouter::WriteReply> CommandRouter::stdin_write(
    rpc::Call& call, const WriteRequest& request, Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, exec_of(c_, call, request.task_id(), request.exec_id()));
  ASSIGN_OR_RETURN(const bool all,
                   execs.write(*exec, request.offset(), request.data(), request.eof()));
  if (all) return WriteReply();
  call.watch(Execs::key_of(*exec));
  return std::nullopt;
}

CommandRouter::Poll<CommandRouter::StreamReply> CommandRouter::stdin_stream(
    rpc::Call& call, rpc::Part<StreamRequest> part, Execs& execs) {
  Writing& writing = call.state<Writing>();
  if (part->has_start() != !writing.exec)
    return fail(Code::kInvalidArgument, "a stream begins with `start`, which comes once");
  if (!writing.exec) {
    const auto& start = part->start();
    ASSIGN_OR_RETURN(writing.exec, exec_of(c_, call, start.task_id(), start.exec_id()));
    ASSIGN_OR_RETURN(writing.stream, execs.begin_input(*writing.exec, start.offset()));
    part.pass();
    return std::nullopt;
  }
  if (!part->has_data() && !part->has_end())
    return fail(Code::kInvalidArgument, "after `start` come `data` and `end`");
  ASSIGN_OR_RETURN(const bool all,
                   execs.write_on(*writing.exec, writing.stream, part->data(), part->has_end()));
  if (all && part->has_end()) return StreamReply();
  if (all)
    part.pass();
  else
    call.watch(Execs::key_of(*writing.exec));
  return std::nullopt;
}

Result<CommandRouter::StatusReply> CommandRouter::stdin_status(rpc::Call& call,
                                                               const StatusRequest& request,
                                                               Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, exec_of(c_, call, request.task_id(), request.exec_id()));
  const Execs::Input input = execs.take_over_input(*exec);
  StatusReply reply;
  reply.set_num_bytes_written(input.bytes);
  reply.set_closed(input.closed);
  return reply;
}

}  // namespace ionian::services
