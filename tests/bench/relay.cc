// `relay FOLDER`: joins official clients with official container runtimes, and does nothing else:
// it checks nothing, stores nothing, isolates nothing. What a call takes here is what the official
// client and runtime take by themselves; make bench puts Ionian beside it.
//
// FOLDER/TAG.function holds the reply to a look-up of the function TAG. Clients and runtimes
// connect to FOLDER/socket or to the port that is printed. The function `instant` has no
// container: each of its inputs has the result FOLDER/instant.result at once. An input that finds
// no container wakes the first of those that have connected to FOLDER/standby, by one byte.
#include <google/protobuf/empty.pb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <fstream>
#include <mutex>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "modal_proto/container.pb.h"
#include "modal_proto/function.pb.h"
#include "unary_service.h"

namespace ionian::bench {
namespace {

namespace pb = modal::client;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Relay {
 public:
  explicit Relay(std::string folder) : folder_(std::move(folder)) {
    instant_.ParseFromString(contents(folder_ + "/instant.result"));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    (folder_ + "/standby").copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(standbys_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(standbys_, 16) != 0)
      std::perror("listen for standbys");
  }

  void handle(const UnaryCallPtr& call) {
    const std::string_view name =
        std::string_view(call->method()).substr(call->method().rfind('/') + 1);
    if (name == "FunctionMap") return map(call);
    if (name == "FunctionPutInputs") return put_inputs(call);
    if (name == "FunctionGetOutputs") return get_outputs(call);
    if (name == "FunctionGetInputs") return get_inputs(call);
    if (name == "FunctionPutOutputs") return put_outputs(call);
    if (name == "ContainerHeartbeat") return call->reply(pb::ContainerHeartbeatResponse());
    if (name == "ContainerHello" || name == "FunctionFinishInputs" || name == "TaskResult")
      return call->reply(google::protobuf::Empty());
    if (name == "FunctionGet") return look_up(call);
    call->refuse(grpc::StatusCode::UNIMPLEMENTED, std::string(name) + " is not for the relay");
  }

 private:
  // A call and what waits for its outputs.
  struct Running {
    std::string id, function;
    int inputs = 0;
    std::vector<pb::FunctionGetOutputsItem> outputs;
    std::vector<UnaryCallPtr> readers;
  };
  using RunningPtr = std::shared_ptr<Running>;

  // A function's waiting inputs, or the containers that wait for one. An input's id is its call's
  // with its index.
  struct Pool {
    std::deque<pb::FunctionGetInputsItem> inputs;
    std::deque<UnaryCallPtr> containers;
  };

  void look_up(const UnaryCallPtr& call) {
    pb::FunctionGetResponse reply;
    reply.ParseFromString(contents(
        folder_ + "/" + call->request<pb::FunctionGetRequest>().object_tag() + ".function"));
    call->reply(reply);
  }

  void map(const UnaryCallPtr& call) {
    const auto request = call->request<pb::FunctionMapRequest>();
    pb::FunctionMapResponse reply;
    {
      std::lock_guard lock(mutex_);
      const auto running = std::make_shared<Running>();
      running->id = "fc-" + std::to_string(++count_);
      running->function = request.function_id();
      calls_[running->id] = running;
      reply.set_function_call_id(running->id);
      reply.set_max_inputs_outstanding(1000);
      take(*running, request.pipelined_inputs(), *reply.mutable_pipelined_inputs());
    }
    call->reply(reply);
  }

  void put_inputs(const UnaryCallPtr& call) {
    const auto request = call->request<pb::FunctionPutInputsRequest>();
    pb::FunctionPutInputsResponse reply;
    {
      std::lock_guard lock(mutex_);
      take(*calls_.at(request.function_call_id()), request.inputs(), *reply.mutable_inputs());
    }
    call->reply(reply);
  }

  template <class Items, class Taken>
  void take(Running& running, const Items& items, Taken& taken) {
    for (const auto& item : items) {
      const std::string id = running.id + "/" + std::to_string(item.idx());
      auto& one = *taken.Add();
      one.set_idx(item.idx());
      one.set_input_id(id);
      one.set_input_jwt("e30.eyJpZHgiOjB9.relay");
      ++running.inputs;
      if (running.function == "fu-instant") {
        settle(id, instant_, pb::DATA_FORMAT_PICKLE);
        continue;
      }
      pb::FunctionGetInputsItem input;
      input.set_input_id(id);
      input.set_function_call_id(running.id);
      input.set_function_call_invocation_type(pb::FUNCTION_CALL_INVOCATION_TYPE_SYNC);
      *input.mutable_input() = item.input();
      offer(pools_[running.function], std::move(input));
    }
  }

  void offer(Pool& pool, pb::FunctionGetInputsItem input) {
    while (!pool.containers.empty()) {
      const UnaryCallPtr container = std::move(pool.containers.front());
      pool.containers.pop_front();
      if (container->cancelled()) continue;
      return give(container, std::move(input));
    }
    pool.inputs.push_back(std::move(input));
    const int standby = ::accept4(standbys_, nullptr, nullptr, SOCK_CLOEXEC);
    if (standby < 0) return;
    (void)!::write(standby, "t", 1);
    ::close(standby);
  }
  static void give(const UnaryCallPtr& container, pb::FunctionGetInputsItem input) {
    pb::FunctionGetInputsResponse reply;
    *reply.add_inputs() = std::move(input);
    container->reply(reply);
  }

  void get_inputs(const UnaryCallPtr& call) {
    const auto request = call->request<pb::FunctionGetInputsRequest>();
    std::lock_guard lock(mutex_);
    Pool& pool = pools_[request.function_id()];
    if (pool.inputs.empty()) return pool.containers.push_back(call);
    give(call, std::move(pool.inputs.front()));
    pool.inputs.pop_front();
  }

  void put_outputs(const UnaryCallPtr& call) {
    const auto request = call->request<pb::FunctionPutOutputsRequest>();
    call->reply(google::protobuf::Empty());
    std::lock_guard lock(mutex_);
    for (const auto& output : request.outputs())
      settle(output.input_id(), output.result(), output.data_format());
  }

  void settle(const std::string& input, const pb::GenericResult& result, pb::DataFormat format) {
    const std::size_t slash = input.find('/');
    const auto found = calls_.find(input.substr(0, slash));
    if (found == calls_.end()) return;
    const RunningPtr held = found->second;  // the last reader ends the call
    Running& running = *held;
    auto& item = running.outputs.emplace_back();
    *item.mutable_result() = result;
    item.set_idx(std::stoi(input.substr(slash + 1)));
    item.set_input_id(input);
    item.set_data_format(format);
    if (running.readers.empty()) return;
    for (const UnaryCallPtr& reader : std::exchange(running.readers, {})) answer(reader, running);
  }

  void get_outputs(const UnaryCallPtr& call) {
    const auto request = call->request<pb::FunctionGetOutputsRequest>();
    std::lock_guard lock(mutex_);
    const auto found = calls_.find(request.function_call_id());
    if (found == calls_.end())
      return call->refuse(grpc::StatusCode::NOT_FOUND, "the call has been read");
    const RunningPtr held = found->second;
    Running& running = *held;
    const bool all_read = position(request) >= running.outputs.size();
    if (all_read && request.timeout() > 0) return running.readers.push_back(call);
    answer(call, running);
  }
  static std::size_t position(const pb::FunctionGetOutputsRequest& request) {
    return static_cast<std::size_t>(std::atol(request.last_entry_id().c_str()));
  }

  void answer(const UnaryCallPtr& reader, Running& running) {
    const auto request = reader->request<pb::FunctionGetOutputsRequest>();
    pb::FunctionGetOutputsResponse reply;
    for (std::size_t at = position(request); at < running.outputs.size(); ++at) {
      reply.add_idxs(running.outputs[at].idx());
      *reply.add_outputs() = running.outputs[at];
    }
    reply.set_last_entry_id(std::to_string(running.outputs.size()) + "-0");
    reply.set_num_unfinished_inputs(running.inputs - static_cast<int>(running.outputs.size()));
    reader->reply(reply);
    if (request.has_start_idx()) calls_.erase(std::string(running.id));  // a single call's
  }

  const std::string folder_;
  const int standbys_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  pb::GenericResult instant_;
  std::mutex mutex_;
  std::unordered_map<std::string, RunningPtr> calls_;
  std::unordered_map<std::string, Pool> pools_;
  long count_ = 0;
};

}  // namespace
}  // namespace ionian::bench

int main(int argc, char** argv) {
  using namespace ionian::bench;
  if (argc != 2) return std::fprintf(stderr, "usage: relay FOLDER\n"), 2;
  Relay relay(argv[1]);
  UnaryService service([&](const UnaryCallPtr& call) { relay.handle(call); });
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(100 << 20);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.AddListeningPort(std::string("unix:") + argv[1] + "/socket",
                           grpc::InsecureServerCredentials());
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
}
