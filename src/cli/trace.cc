#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string call;
};

Json json_of(const TraceResponse::Input& input) {
  Json stages = Json::array();
  for (const auto& stage : input.stages())
    stages.push_back({{"stage", stage.name()}, {"at_us", stage.at_us()}});
  return {{"index", input.index()},
          {"input_id", input.input_id()},
          {"task_id", input.task_id().empty() ? Json() : Json(input.task_id())},
          {"attempts_before", input.attempts()},
          {"stages", std::move(stages)}};
}

void print(const TraceResponse::Input& input) {
  std::cout << "input " << input.index() << "  " << input.input_id();
  if (!input.task_id().empty()) std::cout << "  in " << input.task_id();
  if (input.attempts()) std::cout << "  after " << input.attempts() << " other attempts";
  std::cout << "\n";
  for (const auto& stage : input.stages()) {
    const std::string at = std::to_string(stage.at_us());
    std::cout << std::string(at.size() < 12 ? 12 - at.size() : 1, ' ') << at << " us  "
              << stage.name() << "\n";
  }
}

void trace(const Options& options) {
  TraceRequest request;
  request.set_function_call_id(options.call);
  const auto reply = ask_server<TraceResponse>(options, "Trace", request);
  if (options.json) {
    Json inputs = Json::array();
    for (const auto& input : reply.inputs()) inputs.push_back(json_of(input));
    return print_json(
        {{"function_call_id", options.call}, {"inputs", std::move(inputs)}, {"all", reply.all()}});
  }
  for (const auto& input : reply.inputs()) print(input);
  if (reply.all() > reply.inputs_size())
    std::cout << "and " << reply.all() - reply.inputs_size() << " more inputs\n";
}

}  // namespace

void add_trace(Command app) {
  const auto options = std::make_shared<Options>();
  Command command = app.add_subcommand("trace", "Where the time of a call went");
  command.add_option("CALL", options->call, "Its id: fc-…").required();
  finish_admin(command, kTracePage, options, trace);
}

}  // namespace ionian::cli
