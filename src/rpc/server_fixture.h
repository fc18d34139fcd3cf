#pragma once
// A server and its pipeline, over real connections, with a table of three methods.
#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "rpc/loop.h"
#include "rpc/server.h"
#include "rpc/test_call.h"

namespace ionian::rpc {

using google::protobuf::Empty;
using google::protobuf::StringValue;

class Inline final : public Room {
 public:
  void run(ActiveCallPtr call) override { call->finish(std::move(*call_handler(*call, nullptr))); }
};

// Knows containers by their connection, and one token.
class Guard final : public Authenticator {
 public:
  explicit Guard(const FdNumbers& numbers) : numbers_(numbers) {}
  Result<Caller> authenticate(const RequestHeaders& headers, const std::string& peer) override {
    if (const auto task = numbers_.task_of(peer))
      return Caller{.kind = CallerKind::kTask, .task = *task};
    if (headers.token_id == "ak-good") return Caller{.kind = CallerKind::kToken};
    if (!headers.token_id.empty()) return fail(Code::kUnauthenticated, "no such token");
    return Caller{};
  }

 private:
  const FdNumbers& numbers_;
};

class Handlers {
 public:
  // Says whose call it was and how it came.
  Result<StringValue> who(Call& call, const Empty&) {
    StringValue reply;
    reply.set_value(cat(call.caller.task, " by ", call.peer));
    return reply;
  }
  // A number that is never the same.
  Result<StringValue> count(Call&, const StringValue& request) {
    if (request.value() == "throw") throw std::runtime_error("a library's");
    StringValue reply;
    reply.set_value(cat(++count_));
    if (request.value() == "large reply") reply.set_value(std::string(100'000, 'x'));
    return reply;
  }

  // What a client's stream says before "end".
  std::optional<Result<StringValue>> join(Call& call, Part<StringValue> part, std::string& said) {
    if (part->value() == "refuse") return fail(Code::kFailedPrecondition, "refused: ", said);
    if (part->value() == "end") {
      StringValue reply;
      reply.set_value(call.state<std::string>());
      return reply;
    }
    call.state<std::string>() += part->value();
    said = call.state<std::string>();
    part.pass();
    return std::nullopt;
  }

 private:
  std::atomic<int> count_ = 0;
};

struct Answered {
  Status status;
  std::string value;
};

class ServerTest : public testing::Test {
 protected:
  static constexpr const char* kWho = "/modal.client.ModalClient/Who";
  static constexpr const char* kJoin = "/modal.client.ModalClient/Join";
  static constexpr const char* kCount = "/modal.client.ModalClient/Count";

  ServerTest() {
    table.set_inline_room(room);
    table.add_room<std::string>(loop);
    loop.start();
    Table::Binder on(table, &handlers);
    on("Who", &Handlers::who, Access::kContainer);
    on("Count", &Handlers::count, Access::kAnonymous);
    on("Join", &Handlers::join, Access::kAnonymous);
    server = *Server::start(pipeline, {{.address = "127.0.0.1:0"}});
    by_port =
        grpc::CreateChannel(cat("127.0.0.1:", server->port(0)), grpc::InsecureChannelCredentials());
  }
  ~ServerTest() override {
    by_port.reset();
    stop(*server);
    EXPECT_EQ(pipeline.counters().in_flight, 0u);
    EXPECT_EQ(pipeline.counters().bytes_in_flight, 0u);
  }

  struct Connected {
    int number = -1;
    UniqueFd inside;  // the container's end
  };
  // As the worker hands a container's connection over; nullopt if no number is free.
  std::optional<Connected> try_connect(Server& to, const TaskId& task) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    UniqueFd inside(ends[1]);
    const Result<int> number = numbers.assign(UniqueFd(ends[0]), task);
    if (!number) return std::nullopt;
    to.adopt(*number);
    return Connected{.number = *number, .inside = std::move(inside)};
  }
  Connected connected(Server& to, const TaskId& task) {
    auto made = try_connect(to, task);
    EXPECT_TRUE(made.has_value());
    return made ? std::move(*made) : Connected();
  }
  UniqueFd connect_raw(Server& to, const TaskId& task) {
    return std::move(connected(to, task).inside);
  }
  struct Container {
    std::string peer;  // what calls by its connection come from; numbers before may still be in use
    std::shared_ptr<grpc::Channel> channel;
  };
  Container contain(const TaskId& task) {
    Connected made = connected(*server, task);
    return {cat("fd:", made.number),
            grpc::CreateInsecureChannelFromFd(std::string(task.str()), made.inside.release())};
  }
  std::shared_ptr<grpc::Channel> connect(const TaskId& task) { return contain(task).channel; }
  static void stop(Server& server) {
    server.stop(Time(std::chrono::system_clock::now().time_since_epoch()) + 10s);
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;
  static Answered call(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                       const std::vector<grpc::ByteBuffer>& requests, const Headers& headers = {}) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    for (const auto& [name, value] : headers) context.AddMetadata(name, value);
    grpc::CompletionQueue queue;
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      return ok;
    };
    const auto call = stub.PrepareCall(&context, path, &queue);
    call->StartCall(nullptr);
    next();
    for (const grpc::ByteBuffer& request : requests) call->Write(request, nullptr), next();
    call->WritesDone(nullptr), next();
    grpc::ByteBuffer bytes;
    call->Read(&bytes, nullptr);
    Answered answered;
    if (StringValue reply; next()) {
      grpc::ProtoBufferReader reader(&bytes);
      EXPECT_TRUE(reply.ParseFromZeroCopyStream(&reader));
      answered.value = reply.value();
    }
    grpc::Status status;
    call->Finish(&status, nullptr), next();
    answered.status = {static_cast<Code>(status.error_code()), status.error_message()};
    return answered;
  }
  static Answered call(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                       const grpc::ByteBuffer& request, const Headers& headers = {}) {
    return call(channel, path, std::vector{request}, headers);
  }
  static grpc::ByteBuffer bytes(const std::string& text) {
    const grpc::Slice slice(text);
    return grpc::ByteBuffer(&slice, 1);
  }
  static grpc::ByteBuffer text(const std::string& value) {
    StringValue message;
    message.set_value(value);
    return bytes(message.SerializeAsString());
  }

  SystemClock clock;
  FdNumbers numbers{500, 32};
  Guard guard{numbers};
  Inline room;
  std::string said;
  Loop loop{"test", clock, &said};
  Handlers handlers;
  Table table;
  Pipeline pipeline{table, guard, numbers, clock};
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> by_port;
};

}  // namespace ionian::rpc
