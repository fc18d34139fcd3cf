// Queues, dicts and spawned calls beside a unary echo of the same bytes through the same pipeline,
// by 64 callers over real connections. Each line of its input asks for one round of all of them,
// answered with a JSON object of names and calls (or items) a second; at the end come the ms from
// a put to the end of a get that waits for it.
#include <absl/synchronization/mutex.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <thread>

#include "modal_proto/dict.pb.h"
#include "modal_proto/function.pb.h"
#include "modal_proto/queue.pb.h"
#include "rpc/server.h"
#include "services/rooms.h"
#include "world.h"

namespace ionian::server {
namespace {

using Clk = std::chrono::steady_clock;
constexpr int kCallers = 64;
constexpr auto kRoundTime = std::chrono::milliseconds(1500);

double ms_since(Clk::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clk::now() - begin).count();
}
class Everybody final : public rpc::Authenticator {
 public:
  rpc::Caller caller;
  Result<rpc::Caller> authenticate(const rpc::RequestHeaders&, const std::string&) override {
    return caller;
  }
};

class Echo {
 public:
  using Bytes = google::protobuf::BytesValue;
  Result<Bytes> echo(rpc::Call&, const Bytes& request) { return request; }
};

// A server's pipeline, rooms and store, without containers.
struct Bench {
  Bench() {
    table.add_room<store::Tx>(write_room);
    table.add_room<store::View>(read_room);
    table.add_room<services::Slow>(inline_room);
    table.add_room<services::VolumeWork>(inline_room);
    table.add_room<worker::Execs>(inline_room);
    table.add_room<core::Core>(whole.core_loop);
    table.add_room<logs::LogStore>(whole.log_loop);
    table.add_room<services::TokenFlows>(inline_room);
    table.add_room<services::QueueTakes>(whole.handlers.takes);
    table.add_room<services::DataWatch>(whole.handlers.takes.loop());
    table.set_inline_room(inline_room);
    whole.handlers.bind(whole.apps, whole.images, whole.base_image_calls, table);
    rpc::Table::Binder(table, &echo, "/bench.Bench/")("Echo", &Echo::echo);
    pipeline = std::make_unique<rpc::Pipeline>(table, everybody, whole.numbers, whole.clock);
    everybody.caller = world.owner;
    server = value(rpc::Server::start(*pipeline, {{.address = "127.0.0.1:0"}}));
    whole.handlers.takes.start();
    whole.core_loop.start();
    for (int i = 0; i < kCallers; ++i) {
      grpc::ChannelArguments own;
      own.SetInt("bench.number", i);  // or they would share one connection
      channels.push_back(grpc::CreateCustomChannel(cat("127.0.0.1:", server->port(0)),
                                                   grpc::InsecureChannelCredentials(), own));
      CHECK(channels.back()->WaitForConnected(std::chrono::system_clock::now() + 10s));
    }
  }
  ~Bench() {
    whole.handlers.takes.stop();
    whole.core_loop.stop();
    server->stop(whole.clock.now());
  }

  // One call, with a key as every client sends it.
  template <class Request, class Reply>
  void call(int caller, const char* path, const Request& request, Reply& reply) {
    grpc::ClientContext context;
    context.AddMetadata("x-idempotency-key", cat(caller, '-', ++keys));
    const grpc::internal::RpcMethod method(path, grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Status status = grpc::internal::BlockingUnaryCall(
        channels[static_cast<std::size_t>(caller)].get(), method, &context, request, &reply);
    if (status.ok()) return;
    std::fprintf(stderr, "%s: %s\n", path, status.error_message().c_str());
    std::exit(1);
  }

  // Calls a second by all callers, each of which repeats `once`.
  double rate(const std::function<void(int caller, int n)>& once, int most = 1'000'000) {
    std::atomic<long> calls = 0;
    const auto begin = Clk::now();
    std::vector<std::thread> threads;
    threads.reserve(kCallers);
    for (int i = 0; i < kCallers; ++i)
      threads.emplace_back([&, i] {
        for (int n = 0; n < most && Clk::now() - begin < kRoundTime; ++n) once(i, n), ++calls;
      });
    for (std::thread& thread : threads) thread.join();
    return static_cast<double>(calls) / (ms_since(begin) / 1000);
  }

  World world;
  Whole& whole = world.whole;
  services::WriteRoom write_room{*whole.store, whole.clock};
  services::ReadRoom read_room{*whole.store, whole.clock};
  services::InlineRoom inline_room{whole.clock};
  Everybody everybody;
  Echo echo;
  rpc::Table table;
  std::unique_ptr<rpc::Pipeline> pipeline;
  std::unique_ptr<rpc::Server> server;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  std::atomic<long> keys = 0;
};

constexpr const char* kPut = "/modal.client.ModalClient/QueuePut";
constexpr const char* kGet = "/modal.client.ModalClient/QueueGet";

class Figures {
 public:
  explicit Figures(Bench& bench) : b_(bench) {}

  // A million items in a queue that nobody takes from.
  void fill() {
    constexpr int kPartitions = 1000, kCalls = 10, kItems = 100;
    modal::client::QueueGetOrCreateRequest request;
    request.set_deployment_name("full");
    request.set_object_creation_type(modal::client::OBJECT_CREATION_TYPE_CREATE_IF_MISSING);
    modal::client::QueueGetOrCreateResponse reply;
    b_.call(0, "/modal.client.ModalClient/QueueGetOrCreate", request, reply);
    full_ = reply.queue_id();
    std::vector<std::thread> threads;
    threads.reserve(kCallers);
    for (int i = 0; i < kCallers; ++i)
      threads.emplace_back([&, i] {
        for (int p = i; p < kPartitions; p += kCallers)
          for (int n = 0; n < kCalls; ++n)
            put_into({full_, cat("full", p)}, i, kItems, std::string(100, 'x'));
      });
    for (std::thread& thread : threads) thread.join();
  }

  void round() {
    const std::string bytes(100, 'x');
    note("echo", b_.rate([&](int i, int) {
      Echo::Bytes request, reply;
      request.set_value(bytes);
      b_.call(i, "/bench.Bench/Echo", request, reply);
    }));
    for (const auto& [name, queue] : {std::pair("queue put and get", b_.world.a.queue),
                                      std::pair("queue put and get, full", full_)})
      note(name, b_.rate([&](int i, int) {
        const Place own{queue, cat("p", i)};
        put_into(own, i, 1, bytes);
        get_from(own, i, 1, 0);
      }));
    // Each caller's own partition, emptied by the gets of the same round.
    note("queue put", b_.rate([&](int i, int) { put(i, 1, bytes); }, 4900));
    note("queue get", b_.rate([&](int i, int) { get(i, 1); }, 4900));
    clear();
    note("queue put_many items", 100 * b_.rate([&](int i, int) { put(i, 100, bytes); }, 49));
    note("queue get_many items", 100 * b_.rate([&](int i, int) { get(i, 100); }, 49));
    clear();
    note("dict put", b_.rate([&](int i, int n) { dict_put(i, n, bytes); }));
    note("dict get", b_.rate([&](int i, int n) {
      modal::client::DictGetRequest request;
      request.set_dict_id(b_.world.a.dict);
      request.set_key(cat(i, ' ', n % 100));
      modal::client::DictGetResponse reply;
      b_.call(i, "/modal.client.ModalClient/DictGet", request, reply);
    }));
    // The function's one container is busy, so a call is written down and waits.
    note("spawn", b_.rate([&](int i, int) { spawn(i, bytes); }, 200));
    blocked_get();
    print_round();
  }

  // From a put to the end of a get that waited for it.
  void blocked_get() {
    for (int n = 0; n < 60; ++n) {
      std::thread taker([&] { get(0, 1, 30); });
      while (b_.whole.handlers.takes.waiting() == 0) std::this_thread::yield();
      const auto begin = Clk::now();
      put(0, 1, "item", 1);
      taker.join();
      waits_.push_back(ms_since(begin));
    }
  }

  void print_waits() {
    std::string list;
    for (const double wait : waits_) cat_to(list, list.empty() ? "" : ", ", wait);
    std::cout << "[" << list << "]" << std::endl;
  }

 private:
  void print_round() {
    std::string list;
    for (const auto& [name, rate] : round_)
      cat_to(list, list.empty() ? "" : ", ", '"', name, "\": ", rate);
    std::cout << "{" << list << "}" << std::endl;
  }
  void note(const std::string& name, double rate) { round_[name] = rate; }

  struct Place {
    std::string queue, partition;
  };
  void put(int caller, int values, const std::string& bytes, int channel = -1) {
    put_into({b_.world.a.queue, cat("p", caller)}, channel < 0 ? caller : channel, values, bytes);
  }
  void get(int caller, int values, float timeout = 0) {
    get_from({b_.world.a.queue, cat("p", caller)}, caller, values, timeout);
  }
  void put_into(const Place& place, int caller, int values, const std::string& bytes) {
    modal::client::QueuePutRequest request;
    request.set_queue_id(place.queue);
    request.set_partition_key(place.partition);
    for (int n = 0; n < values; ++n) request.add_values(bytes);
    google::protobuf::Empty reply;
    b_.call(caller, kPut, request, reply);
  }
  void get_from(const Place& place, int caller, int values, float timeout) {
    modal::client::QueueGetRequest request;
    request.set_queue_id(place.queue);
    request.set_partition_key(place.partition);
    request.set_n_values(values);
    request.set_timeout(timeout);
    modal::client::QueueGetResponse reply;
    b_.call(caller, kGet, request, reply);
  }
  void clear() {
    modal::client::QueueClearRequest request;
    request.set_queue_id(b_.world.a.queue);
    request.set_all_partitions(true);
    google::protobuf::Empty reply;
    b_.call(0, "/modal.client.ModalClient/QueueClear", request, reply);
  }
  void spawn(int caller, const std::string& bytes) {
    modal::client::FunctionMapRequest request;
    request.set_function_id(b_.world.a.function);
    request.set_function_call_type(modal::client::FUNCTION_CALL_TYPE_UNARY);
    request.set_function_call_invocation_type(modal::client::FUNCTION_CALL_INVOCATION_TYPE_ASYNC);
    request.add_pipelined_inputs()->mutable_input()->set_args(bytes);
    modal::client::FunctionMapResponse reply;
    b_.call(caller, "/modal.client.ModalClient/FunctionMap", request, reply);
  }
  void dict_put(int caller, int n, const std::string& bytes) {
    modal::client::DictUpdateRequest request;
    request.set_dict_id(b_.world.a.dict);
    auto& entry = *request.add_updates();
    entry.set_key(cat(caller, ' ', n % 100));
    entry.set_value(bytes);
    modal::client::DictUpdateResponse reply;
    b_.call(caller, "/modal.client.ModalClient/DictUpdate", request, reply);
  }

  Bench& b_;
  std::string full_;  // a queue
  std::map<std::string, double> round_;
  std::vector<double> waits_;
};

}  // namespace
}  // namespace ionian::server

int main() {
  // As the server does.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  ionian::server::Bench bench;
  ionian::server::Figures figures(bench);
  figures.fill();
  for (std::string line; std::getline(std::cin, line);) figures.round();
  figures.print_waits();
}
