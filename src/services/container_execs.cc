#include "services/container_execs.h"

#include <algorithm>

#include "services/exec_access.h"

namespace ionian::services {
namespace {

using worker::Execs;

constexpr std::size_t kBatchBytes = 256 << 10;
constexpr float kWaitMaxSeconds = 60;

struct Reading {
  Execs::ExecPtr exec;
  Execs::Look look;
  std::uint64_t offset = 0;
  bool greeted = false;
};

worker::Sink sink_of(modal::client::ExecOutputOption option) {
  return option == modal::client::EXEC_OUTPUT_OPTION_DEVNULL  ? worker::Sink::kNull
         : option == modal::client::EXEC_OUTPUT_OPTION_STDOUT ? worker::Sink::kStdout
                                                              : worker::Sink::kPipe;
}

Time until(const rpc::Call& call, float timeout) {
  return call.now + from_seconds(std::clamp(timeout, 0.0F, kWaitMaxSeconds));
}

}  // namespace

void ContainerExecs::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ContainerExec", &ContainerExecs::start);
  on("ContainerExecGetOutput", &ContainerExecs::get_output);
  on("ContainerExecPutInput", &ContainerExecs::put_input);
  on("ContainerExecWait", &ContainerExecs::wait);
}

// An id that nobody may use reads as one that nobody has.
Result<Execs::ExecPtr> ContainerExecs::find(const rpc::Call& call, const std::string& id) const {
  const Execs::ExecPtr exec = c_.execs.find_by_id(id);
  const EnvironmentId* in = exec && Execs::place_of(*exec).workspace == call.caller.workspace
                                ? &Execs::place_of(*exec).environment
                                : nullptr;
  TRY(c_.access.check(call, in, {"command", id}));
  return exec;
}

ContainerExecs::Poll<modal::client::ContainerExecResponse> ContainerExecs::start(
    rpc::Call& call, const modal::client::ContainerExecRequest& request, Execs& execs) {
  Starting& starting = call.state<Starting>();
  if (!starting.exec) {
    ASSIGN_OR_RETURN(worker::ExecRequest wanted,
                     new_exec(c_, call, request.task_id(), cat("ex-", random_base62(c_.random, 22)),
                              request.command()));
    wanted.out = sink_of(request.stdout_output());
    wanted.err = sink_of(request.stderr_output());
    wanted.timeout = std::chrono::seconds(request.timeout_secs());
    wanted.spec.set_workdir(request.workdir());
    for (const std::string& id : request.secret_ids())
      TRY(add_secret(c_, call, id, *wanted.spec.mutable_env()));
    if (request.has_pty_info()) add_terminal(request.pty_info(), wanted.spec);
    TRY(start_exec(execs, starting, std::move(wanted)));
  }
  const auto started = wait_for_start(call, execs, *starting.exec);
  if (!started) return std::nullopt;
  TRY(*started);
  audit_start(c_, call, starting);
  modal::client::ContainerExecResponse reply;
  reply.set_exec_id(Execs::name_of(*starting.exec).id);
  return reply;
}

std::optional<Status> ContainerExecs::get_output(
    rpc::Call& call, const modal::client::ContainerExecGetOutputRequest& request, Execs& execs,
    rpc::Emit<modal::client::RuntimeOutputBatch>& emit) {
  Reading& reading = call.state<Reading>();
  if (!reading.exec) {
    auto exec = find(call, request.exec_id());
    if (!exec) return exec.error();
    reading = {.exec = *exec, .look = {execs, *exec}, .offset = request.last_batch_index()};
    call.wait_until(until(call, request.timeout()));
  }
  const int stream = request.file_descriptor() == modal::client::FILE_DESCRIPTOR_STDERR ? 2 : 1;
  auto output = execs.read(*reading.exec, stream, reading.offset, kBatchBytes);
  if (!output) return output.error();
  reading.offset += output->bytes.size();
  modal::client::RuntimeOutputBatch batch;
  batch.set_batch_index(reading.offset);
  // The first batch says that the program runs, even if it is silent.
  if (!output->bytes.empty() || (!reading.greeted && reading.offset == 0)) {
    auto* item = batch.add_items();
    item->set_file_descriptor(request.file_descriptor());
    item->set_message_bytes(std::move(output->bytes));
  }
  reading.greeted = true;
  if (!batch.items().empty()) {
    emit(std::move(batch));
    return std::nullopt;
  }
  const auto end = execs.end(*reading.exec);
  if (output->over && end) {
    batch.set_exit_code(exit_code_of(*end));
    emit(std::move(batch));
    return Status::ok_status();
  }
  if (call.timed_out) return Status::ok_status();
  call.watch(Execs::key_of(*reading.exec));
  return std::nullopt;
}

ContainerExecs::Poll<ContainerExecs::Empty> ContainerExecs::put_input(
    rpc::Call& call, const modal::client::ContainerExecPutInputRequest& request, Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, find(call, request.exec_id()));
  const auto& input = request.input();
  ASSIGN_OR_RETURN(const bool all,
                   execs.write_message(*exec, input.message_index(), input.message(), input.eof()));
  if (all) return Empty();
  call.watch(Execs::key_of(*exec));
  return std::nullopt;
}

ContainerExecs::Poll<modal::client::ContainerExecWaitResponse> ContainerExecs::wait(
    rpc::Call& call, const modal::client::ContainerExecWaitRequest& request, Execs& execs) {
  ASSIGN_OR_RETURN(const auto exec, find(call, request.exec_id()));
  modal::client::ContainerExecWaitResponse reply;
  // Without a timeout it is no more than a look.
  const bool waits = request.timeout() > 0;
  if (const auto end = waits ? wait_for_end(call, execs, *exec) : execs.end(*exec)) {
    reply.set_completed(true);
    reply.set_exit_code(exit_code_of(*end));
    return reply;
  }
  call.wait_until(until(call, request.timeout()));
  if (call.timed_out || *call.until <= call.now) return reply;
  return std::nullopt;
}

}  // namespace ionian::services
