#pragma once
// Who may start programs in which container, and of what such a program is made. Common to the
// command router and to the calls of old clients.
#include "modal_proto/container.pb.h"
#include "services/context.h"

namespace ionian::services {

// Where a container is that runs, or that has ended and ran programs of clients.
//   errors   NOT_FOUND container · PERMISSION_DENIED the role in its environment
Result<worker::Execs::Place> place_of_task(const Context& c, const rpc::Call& call,
                                           const std::string& task);

// A program for a container where the caller may start some; its streams and variables are still to
// be said.
//   errors   as place_of_task · INVALID_ARGUMENT no command
Result<worker::ExecRequest> new_exec(
    const Context& c, const rpc::Call& call, const std::string& task, std::string exec_id,
    const google::protobuf::RepeatedPtrField<std::string>& command);

// The program that a client started under that name.   errors  the same · NOT_FOUND
Result<worker::Execs::ExecPtr> exec_of(const Context& c, const rpc::Call& call,
                                       const std::string& task, const std::string& exec_id);

// Where the start of a program is between its steps.
struct Starting {
  worker::Execs::ExecPtr exec;
  std::string program;  // that this call has started; empty: it was there
};
// Starts it, or finds what a repeated call has started before.   errors  RESOURCE_EXHAUSTED
Result<void> start_exec(worker::Execs& execs, Starting& starting, worker::ExecRequest wanted);
// The reply waits for the entry of the audit log: who ran which program in which container. What
// it was told, by arguments or variables, is nobody else's business.
void audit_start(const Context& c, rpc::Call& call, const Starting& starting);

// Nothing: it is on its way, and the call waits for that.   errors  why it does not run
std::optional<Result<void>> wait_for_start(rpc::Call& call, const worker::Execs& execs,
                                           const worker::Execs::Exec& exec);

// How it ended; nothing: it runs, and the call waits for that. Who waits is about to read what it
// has printed, so the end comes after that.
std::optional<worker::ExecEnd> wait_for_end(rpc::Call& call, worker::Execs& execs,
                                            worker::Execs::Exec& exec);

// A container has no others beside it.   errors  NOT_FOUND if one is asked for
Result<void> check_no_sidecar(const std::string& task, const std::string& sidecar);

// Variables of an environment, later ones win.
using Variables = google::protobuf::Map<std::string, std::string>;
// Adds those of a secret that lies where the caller may use it.   errors  NOT_FOUND · DATA_LOSS
Result<void> add_secret(const Context& c, const rpc::Call& call, const std::string& id,
                        Variables& variables);
// What says of which kind a terminal is.
void add_terminal_variables(const modal::client::PTYInfo& pty, Variables& env);
// A terminal of that size, and what says of which kind it is.
void add_terminal(const modal::client::PTYInfo& pty, container::ExecSpec& spec);

// As a shell would say it.
inline int exit_code_of(const worker::ExecEnd& end) {
  return end.signal ? 128 + end.signal : end.exit_code;
}

}  // namespace ionian::services
