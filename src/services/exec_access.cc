#include "services/exec_access.h"

#include "services/actor.h"
#include "services/secrets.h"

namespace ionian::services {

using worker::Execs;

namespace {

constexpr std::size_t kProgramMax = 200;  // bytes of its name in the audit log

// Cut between two characters.
std::string name_of_program(const std::string& word) {
  std::size_t end = std::min(word.size(), kProgramMax);
  while (end > 0 && end < word.size() && (word[end] & 0xC0) == 0x80) --end;
  return word.substr(0, end);
}

}  // namespace

Result<Execs::Place> place_of_task(const Context& c, const rpc::Call& call,
                                   const std::string& task) {
  const TaskId id(task);
  std::optional<Execs::Place> place;
  if (const auto running = c.identity.task(id))
    place = {running->workspace, running->environment};
  else
    place = c.execs.place_of(id);
  const TaskId& only = call.caller.router_task;
  const bool here =
      place && place->workspace == call.caller.workspace && (only.empty() || only == id);
  TRY(c.access.check(call, here ? &place->environment : nullptr, {"container", task}));
  return *place;
}

Result<worker::ExecRequest> new_exec(
    const Context& c, const rpc::Call& call, const std::string& task, std::string exec_id,
    const google::protobuf::RepeatedPtrField<std::string>& command) {
  ASSIGN_OR_RETURN(Execs::Place place, place_of_task(c, call, task));
  if (command.empty() || command[0].empty())
    return fail(Code::kInvalidArgument, "there is no command to run");
  worker::ExecRequest made{.key = {TaskId(task), std::move(exec_id)},
                           .workspace = std::move(place.workspace),
                           .environment = std::move(place.environment)};
  *made.spec.mutable_args() = command;
  return made;
}

Result<Execs::ExecPtr> exec_of(const Context& c, const rpc::Call& call, const std::string& task,
                               const std::string& exec_id) {
  TRY(place_of_task(c, call, task));
  const Execs::ExecPtr exec = c.execs.find({.task = TaskId(task), .id = exec_id});
  if (!exec)
    return fail(Code::kNotFound, "command '", exec_id, "' of container ", task, " not found");
  return exec;
}

Result<void> start_exec(Execs& execs, Starting& starting, worker::ExecRequest wanted) {
  if (!execs.find(wanted.key)) starting.program = name_of_program(wanted.spec.args(0));
  ASSIGN_OR_RETURN(starting.exec, execs.start(std::move(wanted)));
  return {};
}

void audit_start(const Context& c, rpc::Call& call, const Starting& starting) {
  if (starting.program.empty()) return;
  Actor actor = actor_of(call);
  if (!call.caller.task.empty()) actor.principal = call.caller.task.str();
  const auto write = [actor = std::move(actor), task = Execs::name_of(*starting.exec).task,
                      program = starting.program](store::Tx& tx) -> Result<void> {
    audit(tx, actor, "container.exec", task.str(), program);
    return {};
  };
  call.before_reply = [&c, write](auto tell) { c.store.write(write, std::move(tell)); };
}

std::optional<Result<void>> wait_for_start(rpc::Call& call, const Execs& execs,
                                           const Execs::Exec& exec) {
  auto started = execs.started(exec);
  if (!started) call.watch(Execs::key_of(exec));
  return started;
}

std::optional<worker::ExecEnd> wait_for_end(rpc::Call& call, Execs& execs, Execs::Exec& exec) {
  if (bool& told = call.state<bool>(); !told) told = true, execs.expect_readers(exec);
  auto end = execs.end(exec);
  if (!end) call.watch(Execs::key_of(exec));
  return end;
}

Result<void> check_no_sidecar(const std::string& task, const std::string& sidecar) {
  if (sidecar.empty()) return {};
  return fail(Code::kNotFound, "container ", task, " has no sidecar '", sidecar, "'");
}

Result<void> add_secret(const Context& c, const rpc::Call& call, const std::string& id,
                        Variables& variables) {
  return c.store.read([&](store::View& view) -> Result<void> {
    TRY(check_secret(c, view, call, id));
    ASSIGN_OR_RETURN(const auto opened, open_secret(c, view, call.caller.workspace, id));
    for (const auto& [name, value] : opened) variables[name] = value;
    return {};
  });
}

void add_terminal_variables(const modal::client::PTYInfo& pty, Variables& env) {
  if (!pty.env_term().empty()) env["TERM"] = pty.env_term();
  if (!pty.env_colorterm().empty()) env["COLORTERM"] = pty.env_colorterm();
  if (!pty.env_term_program().empty()) env["TERM_PROGRAM"] = pty.env_term_program();
}

void add_terminal(const modal::client::PTYInfo& pty, container::ExecSpec& spec) {
  spec.mutable_terminal()->set_rows(pty.winsz_rows());
  spec.mutable_terminal()->set_columns(pty.winsz_cols());
  add_terminal_variables(pty, *spec.mutable_env());
}

}  // namespace ionian::services
