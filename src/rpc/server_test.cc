// The server and its pipeline, over real connections, with a table of three methods.
#include "rpc/server.h"

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "rpc/loop.h"
#include "rpc/test_call.h"

namespace ionian::rpc {
namespace {

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

  // A connection as the worker hands it over for a container: the container's end.
  UniqueFd connect_raw(Server& to, const TaskId& task) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    const Result<int> number = numbers.assign(UniqueFd(ends[0]), task);
    EXPECT_TRUE(number.has_value());
    to.adopt(*number);
    return UniqueFd(ends[1]);
  }
  std::shared_ptr<grpc::Channel> connect(const TaskId& task) {
    return grpc::CreateInsecureChannelFromFd(std::string(task.str()),
                                             connect_raw(*server, task).release());
  }
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

TEST_F(ServerTest, AContainerIsKnownByItsConnection) {
  const auto one = connect(TaskId("ta-1")), two = connect(TaskId("ta-2"));
  EXPECT_EQ(call(one, kWho, bytes("")).value, "ta-1 by fd:500");
  EXPECT_EQ(call(two, kWho, bytes("")).value, "ta-2 by fd:501");
  EXPECT_EQ(call(one, kWho, bytes("")).value, "ta-1 by fd:500");
}

TEST_F(ServerTest, NoHeaderMakesACallerAContainer) {
  const Headers forged = {
      {"x-modal-task-id", "ta-1"}, {"x-modal-token-id", "ak-good"}, {"peer", "fd:500"}};
  const auto container = connect(TaskId("ta-1"));
  EXPECT_EQ(call(by_port, kWho, bytes("")).status.code, Code::kUnauthenticated);
  EXPECT_EQ(call(by_port, kWho, bytes(""), forged).status.code, Code::kPermissionDenied);
  EXPECT_EQ(call(by_port, kWho, bytes(""), {{"x-modal-token-id", "ak-bad"}}).status.code,
            Code::kUnauthenticated);
  EXPECT_EQ(call(container, kWho, bytes(""), {{"x-modal-task-id", "ta-2"}}).value,
            "ta-1 by fd:500");
}

TEST_F(ServerTest, AForgottenTaskIsNobody) {
  const auto container = connect(TaskId("ta-1"));
  EXPECT_TRUE(call(container, kWho, bytes("")).status.ok());
  numbers.forget(TaskId("ta-1"));
  EXPECT_EQ(call(container, kWho, bytes("")).status.code, Code::kUnauthenticated);
}

TEST_F(ServerTest, BytesThatAreNoMessageAreAnInvalidArgument) {
  const Answered answered = call(by_port, kCount, bytes("\xff\xff\xff"));
  EXPECT_EQ(answered.status.code, Code::kInvalidArgument);
  EXPECT_NE(answered.status.message.find("google.protobuf.StringValue"), std::string::npos);
}

TEST_F(ServerTest, ACallWithoutRequestIsAnInvalidArgument) {
  EXPECT_EQ(call(by_port, kCount, std::vector<grpc::ByteBuffer>()).status.code,
            Code::kInvalidArgument);
}

TEST_F(ServerTest, AClientsStreamComesMessageByMessageAndIsAnsweredOnce) {
  const std::string much(1 << 20, 'x');
  const Answered joined = call(by_port, kJoin, {text("a"), text(much), text("b"), text("end")});
  EXPECT_TRUE(joined.status.ok()) << joined.status.message;
  EXPECT_EQ(joined.value, cat("a", much, "b"));
  EXPECT_EQ(call(by_port, kJoin, {text("end"), text("and more")}).value, "");
  const Answered refused = call(by_port, kJoin, {text("a"), text("refuse"), text("b")});
  EXPECT_EQ(refused.status.message, "refused: a");
}

TEST_F(ServerTest, AClientsStreamThatBreaksOffIsNotAnswered) {
  const Answered broken = call(by_port, kJoin, {text("a"), text("b")});
  EXPECT_EQ(broken.status.code, Code::kInvalidArgument);
  EXPECT_NE(broken.status.message.find("broke off"), std::string::npos);
  EXPECT_EQ(call(by_port, kJoin, {text("a"), bytes("\xff\xff")}).status.code,
            Code::kInvalidArgument);
  // The loop hears of it after the client.
  for (int looks = 0; looks < 5000 && loop.waiting() > 0; ++looks) ::poll(nullptr, 0, 1);
  EXPECT_EQ(loop.waiting(), 0u);
}

TEST_F(ServerTest, AnUnknownMethodIsUnimplementedAndNamed) {
  const Answered answered = call(by_port, "/modal.client.ModalClient/Missing", bytes(""));
  EXPECT_EQ(answered.status.code, Code::kUnimplemented);
  EXPECT_NE(answered.status.message.find("Missing"), std::string::npos);
  EXPECT_EQ(call(by_port, "/another.Service/Count", bytes("")).status.code, Code::kUnimplemented);
}

TEST_F(ServerTest, ARequestThatIsTooLargeIsRefused) {
  const auto large =
      text(std::string(static_cast<std::size_t>(Pipeline::kMessageBytesMax) + 1, 'x'));
  EXPECT_EQ(call(by_port, kCount, large).status.code, Code::kResourceExhausted);
  EXPECT_TRUE(call(by_port, kCount, text("small")).status.ok());
}

TEST_F(ServerTest, TheSumOfRequestsInFlightIsBounded) {
  pipeline.counters().bytes_in_flight += Pipeline::kBytesInFlightMax;
  EXPECT_EQ(call(by_port, kCount, text("one more")).status.code, Code::kResourceExhausted);
  pipeline.counters().bytes_in_flight -= Pipeline::kBytesInFlightMax;
  EXPECT_TRUE(call(by_port, kCount, text("one more")).status.ok());
}

TEST_F(ServerTest, AnExceptionOfALibraryIsAnInternalError) {
  EXPECT_EQ(call(by_port, kCount, text("throw")).status.code, Code::kInternal);
  EXPECT_TRUE(call(by_port, kCount, text("")).status.ok());
}

TEST_F(ServerTest, ARepeatedIdempotencyKeyGetsTheFirstReply) {
  const Headers key = {{"x-idempotency-key", "k1"}};
  const std::string first = call(by_port, kCount, text("a"), key).value;
  EXPECT_EQ(call(by_port, kCount, text("a"), key).value, first);
  EXPECT_NE(call(by_port, kCount, text("a")).value, first);
  EXPECT_EQ(call(by_port, kCount, text("b"), key).status.code, Code::kInvalidArgument);
}

// Whether the other end has closed, which comes after what it has sent.
bool closed(int fd, std::chrono::milliseconds patience) {
  char bytes[512];
  for (pollfd ready{fd, POLLIN, 0}; ::poll(&ready, 1, static_cast<int>(patience.count())) == 1;)
    if (::recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0) return errno != EAGAIN;
  return false;
}

TEST_F(ServerTest, AContainersConnectionThatNeverSpeaksIsClosed) {
  const auto strict = *Server::start(pipeline, {}, {.asked_after = 50ms, .answer = 50ms});
  const UniqueFd mute = connect_raw(*strict, TaskId("ta-1"));
  EXPECT_TRUE(closed(mute.get(), 30s));
  stop(*strict);
}

TEST_F(ServerTest, AConnectionThatTricklesItsBeginningIsClosed) {
  const auto strict = *Server::start(pipeline, {{.address = "127.0.0.1:0"}}, {.begin = 200ms});
  const UniqueFd slow(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<std::uint16_t>(strict->port(0))),
                 .sin_addr = {htonl(INADDR_LOOPBACK)}};
  ASSERT_EQ(::connect(slow.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  bool ended = false;
  for (const char byte : std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", 27)) {
    ::send(slow.get(), &byte, 1, MSG_NOSIGNAL);
    if ((ended = closed(slow.get(), 20ms))) break;
  }
  EXPECT_TRUE(ended || closed(slow.get(), 30s));
  stop(*strict);
}

TEST_F(ServerTest, ASecondServerOnThePortIsRefused) {
  const std::string address = cat("127.0.0.1:", server->port(0));
  const auto second = Server::start(pipeline, {{.address = address}});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_NE(second.error().message.find(address), std::string::npos);
}

}  // namespace
}  // namespace ionian::rpc
