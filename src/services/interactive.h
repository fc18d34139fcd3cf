#pragma once
// Functions of `modal run -i`: their program has a terminal, and once it asks for it, somebody who
// types.
#include <google/protobuf/empty.pb.h>

#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "worker/task.pb.h"

namespace ionian::services {

// Whether its containers' programs have a terminal.
bool is_interactive(const modal::client::Function& definition);
// Puts a terminal around the task's program. No other task may have started it before.
void add_terminal(worker::TaskSpec& spec, const modal::client::PTYInfo& pty);

class Interactive {
 public:
  explicit Interactive(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  using Empty = google::protobuf::Empty;

  // FunctionStartPtyShell (poll). Brings the terminal of the calling container to whoever follows
  // its app's log; what they type comes by ContainerExecPutInput.
  //   errors   FAILED_PRECONDITION the function was not started interactively
  std::optional<Result<Empty>> start(rpc::Call& call, const Empty& request, worker::Execs& execs);

  Context& c_;
};

}  // namespace ionian::services
