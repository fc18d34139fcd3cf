// What stands in a container in the place of the official runtime: it gives each input back as its
// result, or the time when it came to one that asks "when?". It is called as `python -m
// modal._container_entrypoint`, so its image holds it by that name; ECHO_SLOTS inputs at a time, by
// the image's environment.
#include <google/protobuf/empty.pb.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>

#include "modal_proto/container.pb.h"
#include "modal_proto/function.pb.h"
#include "raw_client.h"

namespace ionian::bench {
namespace {

namespace pb = modal::client;
using google::protobuf::Empty;

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

class Echo {
 public:
  Echo(const std::string& server, std::string function, int slots)
      : client_(server, "", "", 0), function_(std::move(function)), slots_(slots) {}

  void run() {
    client_.wait<Empty>("ContainerHello", Empty());
    for (int i = 0; i < slots_; ++i) next();
    beat();
    over_.get_future().wait();
  }

 private:
  void next() {
    pb::FunctionGetInputsRequest request;
    request.set_function_id(function_);
    request.set_input_concurrency(slots_);
    client_.call<pb::FunctionGetInputsResponse>(
        "FunctionGetInputs", request,
        [this](const pb::FunctionGetInputsResponse& reply) { answer(reply); });
  }

  void answer(const pb::FunctionGetInputsResponse& reply) {
    pb::FunctionPutOutputsRequest outputs;
    for (const auto& input : reply.inputs()) {
      if (input.kill_switch()) return end();
      auto& output = *outputs.add_outputs();
      output.set_input_id(input.input_id());
      output.set_data_format(input.input().data_format());
      output.mutable_result()->set_status(pb::GenericResult::GENERIC_STATUS_SUCCESS);
      output.mutable_result()->set_data(input.input().args() == "when?" ? std::to_string(now_us())
                                                                        : input.input().args());
    }
    if (outputs.outputs().empty()) return next();
    client_.call<Empty>("FunctionPutOutputs", outputs, [this](const Empty&) { next(); });
  }

  // The server holds a beat for 14 s.
  void beat() {
    client_.call<pb::ContainerHeartbeatResponse>(
        "ContainerHeartbeat", pb::ContainerHeartbeatRequest(),
        [this](const pb::ContainerHeartbeatResponse&) { beat(); });
  }

  void end() {
    std::call_once(ended_, [this] { over_.set_value(); });
  }

  RawClient client_;
  const std::string function_;
  const int slots_;
  std::once_flag ended_;
  std::promise<void> over_;
};

std::string function_of_arguments() {
  std::ifstream file(variable("MODAL_CONTAINER_ARGUMENTS_PATH", ""), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  pb::ContainerArguments arguments;
  if (!arguments.ParseFromString(text.str())) std::exit(1);
  return arguments.function_id();
}

}  // namespace
}  // namespace ionian::bench

int main() {
  using namespace ionian::bench;
  std::string server = variable("MODAL_SERVER_URL", "");
  // A host stands before the path, for clients that ask whether it is this machine.
  constexpr std::string_view kScheme = "unix://";
  if (server.starts_with(kScheme))
    server = "unix:" + server.substr(server.find('/', kScheme.size()));
  Echo(server, function_of_arguments(), std::atoi(variable("ECHO_SLOTS", "1").c_str())).run();
  std::_Exit(0);
}
