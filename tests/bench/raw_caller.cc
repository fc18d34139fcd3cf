// `raw_caller ADDRESS TOKEN_ID TOKEN_SECRET FUNCTION`: calls without an official client. Each line
// of its input is an order, `sync N`, `async N CALLERS`, `map N` or `hello N CALLERS`, answered
// with the ms that it took; or `stages N`, answered with three numbers for each call: the us until
// the call was accepted, until its input was in the container, and until its output was here.
#include <google/protobuf/empty.pb.h>

#include <chrono>
#include <iostream>
#include <sstream>

#include "modal_proto/client.pb.h"
#include "modal_proto/function.pb.h"
#include "raw_client.h"

namespace ionian::bench {
namespace {

namespace pb = modal::client;
constexpr int kConnections = 4, kInputsAtOnce = 100, kInputsAhead = 1000;

class Caller {
 public:
  Caller(const std::string& address, const std::string& id, const std::string& secret,
         std::string function)
      : function_(std::move(function)) {
    for (int i = 0; i < kConnections; ++i)
      clients_.push_back(std::make_unique<RawClient>(address, id, secret, i));
    bytes_ = std::string(100, 'x');
  }

  using Done = std::function<void()>;
  using Once = std::function<void(RawClient&, Done)>;

  // Start a call with its input, wait for its output.
  Once remote() {
    return [this](RawClient& client, Done done) {
      pb::FunctionMapRequest request = start(pb::FUNCTION_CALL_TYPE_UNARY);
      fill(*request.add_pipelined_inputs(), 0);
      client.call<pb::FunctionMapResponse>(
          "FunctionMap", request,
          [this, &client, done = std::move(done)](const pb::FunctionMapResponse& reply) {
            read(client, reply.function_call_id(), done);
          });
    };
  }
  Once hello() {
    return [](RawClient& client, Done done) {
      using google::protobuf::Empty;
      client.call<pb::ClientHelloResponse>(
          "ClientHello", Empty(),
          [done = std::move(done)](const pb::ClientHelloResponse&) { done(); });
    };
  }

  // `n` times, by so many callers that each wait for their own.
  void repeat(int n, int callers, const Once& once) {
    std::atomic<int> begun = 0, ended = 0;
    std::promise<void> all;
    std::function<void(int)> next = [&](int caller) {
      if (begun++ >= n) return;
      once(*clients_[static_cast<std::size_t>(caller % kConnections)], [&, caller] {
        next(caller);
        if (++ended == n) all.set_value();
      });
    };
    for (int i = 0; i < callers; ++i) next(i);
    all.get_future().wait();
  }

  void stages(int n) {
    RawClient& client = *clients_[0];
    pb::FunctionMapRequest request = start(pb::FUNCTION_CALL_TYPE_UNARY);
    fill(*request.add_pipelined_inputs(), 0);
    request.mutable_pipelined_inputs(0)->mutable_input()->set_args("when?");
    for (int i = 0; i < n; ++i) {
      const double begin = now_us();
      const auto started = client.wait<pb::FunctionMapResponse>("FunctionMap", request);
      const double accepted = now_us();
      const auto output = client.wait<pb::FunctionGetOutputsResponse>(
          "FunctionGetOutputs", reading(started.function_call_id()));
      const double there = std::strtod(output.outputs(0).result().data().c_str(), nullptr);
      std::cout << accepted - begin << ' ' << there - begin << ' ' << now_us() - begin << ' ';
    }
    std::cout << std::endl;
  }

  // As official clients map: inputs in batches, so many ahead of the outputs, outputs as they come.
  void map(int n) {
    RawClient& client = *clients_[0];
    const std::string id =
        client.wait<pb::FunctionMapResponse>("FunctionMap", start(pb::FUNCTION_CALL_TYPE_MAP))
            .function_call_id();
    std::string last = "0-0";
    for (int sent = 0, got = 0; got < n;) {
      for (; sent < n && sent < got + kInputsAhead; sent += kInputsAtOnce)
        put(*clients_[1], id, sent, std::min(kInputsAtOnce, n - sent));
      pb::FunctionGetOutputsRequest request;
      request.set_function_call_id(id);
      request.set_timeout(55);
      request.set_last_entry_id(last);
      const auto reply = client.wait<pb::FunctionGetOutputsResponse>("FunctionGetOutputs", request);
      got += reply.outputs_size();
      last = reply.last_entry_id();
    }
  }

 private:
  pb::FunctionMapRequest start(pb::FunctionCallType type) const {
    pb::FunctionMapRequest request;
    request.set_function_id(function_);
    request.set_function_call_type(type);
    request.set_function_call_invocation_type(pb::FUNCTION_CALL_INVOCATION_TYPE_SYNC);
    return request;
  }
  static pb::FunctionGetOutputsRequest reading(const std::string& id) {
    pb::FunctionGetOutputsRequest request;
    request.set_function_call_id(id);
    request.set_timeout(55);
    request.set_last_entry_id("0-0");
    request.set_clear_on_success(true);
    request.set_start_idx(0);
    request.set_end_idx(0);
    return request;
  }

  template <class Item>
  void fill(Item& item, int index) {
    item.set_idx(index);
    item.mutable_input()->set_args(bytes_);
    item.mutable_input()->set_data_format(pb::DATA_FORMAT_PICKLE);
  }

  void put(RawClient& client, const std::string& id, int from, int count) {
    pb::FunctionPutInputsRequest request;
    request.set_function_id(function_);
    request.set_function_call_id(id);
    for (int i = 0; i < count; ++i) fill(*request.add_inputs(), from + i);
    client.wait<pb::FunctionPutInputsResponse>("FunctionPutInputs", request);
  }

  void read(RawClient& client, const std::string& id, const Done& done) {
    client.call<pb::FunctionGetOutputsResponse>(
        "FunctionGetOutputs", reading(id),
        [this, &client, id, done](const pb::FunctionGetOutputsResponse& reply) {
          if (reply.outputs().empty()) return read(client, id, done);
          const pb::GenericResult& result = reply.outputs(0).result();
          if (result.data() == bytes_) return done();
          std::fprintf(stderr, "no echo: %s\n", result.exception().c_str());
          std::_Exit(2);
        });
  }

  const std::string function_;
  std::string bytes_;
  std::vector<std::unique_ptr<RawClient>> clients_;
};

}  // namespace
}  // namespace ionian::bench

int main(int argc, char** argv) {
  using namespace ionian::bench;
  if (argc != 5)
    return std::cerr << "usage: raw_caller ADDRESS TOKEN_ID TOKEN_SECRET FUNCTION\n", 2;
  Caller caller(argv[1], argv[2], argv[3], argv[4]);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    int n = 0, callers = 1;
    words >> what >> n >> callers;
    if (what == "stages") {
      caller.stages(n);
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    if (what == "map")
      caller.map(n);
    else
      caller.repeat(n, what == "sync" ? 1 : callers,
                    what == "hello" ? caller.hello() : caller.remote());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::cout << took.count() << std::endl;
  }
}
