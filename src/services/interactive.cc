#include "services/interactive.h"

#include <array>

#include "services/exec_access.h"

namespace ionian::services {

extern const std::string_view kTerminalProgram;  // terminal.py

namespace {

// Apart from the program's own folders and variables: its modules are not the terminal's.
constexpr std::array<const char*, 3> kPython = {"python", "-I", "-c"};

}  // namespace

bool is_interactive(const modal::client::Function& definition) {
  return definition.pty_info().pty_type() == modal::client::PTYInfo::PTY_TYPE_FUNCTION &&
         !definition.is_builder_function();
}

void add_terminal(worker::TaskSpec& spec, const modal::client::PTYInfo& pty) {
  const google::protobuf::RepeatedPtrField<std::string> program = spec.command();
  spec.clear_command();
  for (const char* word : kPython) spec.add_command(word);
  for (const std::string& word :
       {std::string(kTerminalProgram), std::string("run"), std::to_string(pty.winsz_rows()),
        std::to_string(pty.winsz_cols())})
    spec.add_command(word);
  spec.mutable_command()->MergeFrom(program);
  add_terminal_variables(pty, *spec.mutable_env());
  spec.clear_standby();
}

void Interactive::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("FunctionStartPtyShell", &Interactive::start, rpc::Access::kContainer);
}

std::optional<Result<Interactive::Empty>> Interactive::start(rpc::Call& call, const Empty&,
                                                             worker::Execs& execs) {
  worker::Execs::ExecPtr& exec = call.state<Starting>().exec;
  if (!exec) {
    google::protobuf::RepeatedPtrField<std::string> command;
    for (const char* word : kPython) *command.Add() = word;
    *command.Add() = kTerminalProgram;
    *command.Add() = "relay";
    ASSIGN_OR_RETURN(worker::ExecRequest wanted,
                     new_exec(c_, call, call.caller.task.str(),
                              cat("ex-", random_base62(c_.random, 22)), command));
    wanted.err = worker::Sink::kNull;
    ASSIGN_OR_RETURN(exec, execs.start(std::move(wanted)));
  }
  const auto started = wait_for_start(call, execs, *exec);
  if (!started) return std::nullopt;
  TRY(*started);
  // It says when it has found the terminal.
  ASSIGN_OR_RETURN(const worker::Execs::Output said, execs.read(*exec, 1, 0, 1));
  if (said.bytes.empty() && (said.over || execs.end(*exec)))
    return fail(Code::kFailedPrecondition, "container ", call.caller.task,
                " has no terminal; functions have one in `modal run -i`");
  if (said.bytes.empty()) {
    call.watch(worker::Execs::key_of(*exec));
    return std::nullopt;
  }
  modal::client::TaskLogsBatch batch;
  batch.set_task_id(call.caller.task.str());
  batch.set_pty_exec_id(worker::Execs::name_of(*exec).id);
  c_.log(call.caller.app.str(), std::move(batch));
  return Empty();
}

}  // namespace ionian::services
