// The server and its pipeline at their edges.
#include <netinet/in.h>
#include <poll.h>

#include "rpc/server_fixture.h"

namespace ionian::rpc {
namespace {

TEST_F(ServerTest, AContainerIsKnownByItsConnection) {
  const Container one = contain(TaskId("ta-1")), two = contain(TaskId("ta-2"));
  ASSERT_NE(one.peer, two.peer);
  EXPECT_EQ(call(one.channel, kWho, bytes("")).value, cat("ta-1 by ", one.peer));
  EXPECT_EQ(call(two.channel, kWho, bytes("")).value, cat("ta-2 by ", two.peer));
  EXPECT_EQ(call(one.channel, kWho, bytes("")).value, cat("ta-1 by ", one.peer));
}

TEST_F(ServerTest, NoHeaderMakesACallerAContainer) {
  const Container container = contain(TaskId("ta-1"));
  const Headers forged = {
      {"x-modal-task-id", "ta-1"}, {"x-modal-token-id", "ak-good"}, {"peer", container.peer}};
  EXPECT_EQ(call(by_port, kWho, bytes("")).status.code, Code::kUnauthenticated);
  EXPECT_EQ(call(by_port, kWho, bytes(""), forged).status.code, Code::kPermissionDenied);
  EXPECT_EQ(call(by_port, kWho, bytes(""), {{"x-modal-token-id", "ak-bad"}}).status.code,
            Code::kUnauthenticated);
  EXPECT_EQ(call(container.channel, kWho, bytes(""), {{"x-modal-task-id", "ta-2"}}).value,
            cat("ta-1 by ", container.peer));
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
  // More than a window of HTTP/2. Under tsan each eight bytes that come out of gRPC cost half a
  // millisecond (tests/sanitizers/tsan.txt).
  const std::string much(1 << 18, 'x');
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

TEST_F(ServerTest, TheSumOfLargeRepliesIsBoundedAndARefusedOneIsKept) {
  const Headers key = {{"x-idempotency-key", "large"}};
  const auto echo = text("large reply");
  pipeline.counters().bytes_in_flight += Pipeline::kBytesInFlightMax - (32 << 10);
  EXPECT_EQ(call(by_port, kCount, echo, key).status.code, Code::kResourceExhausted);
  EXPECT_TRUE(call(by_port, kCount, text("small")).status.ok());
  pipeline.counters().bytes_in_flight -= Pipeline::kBytesInFlightMax - (32 << 10);
  const Answered again = call(by_port, kCount, echo, key);
  EXPECT_TRUE(again.status.ok());
  EXPECT_EQ(again.value.size(), 100'000u);
  EXPECT_EQ(call(by_port, kCount, text("")).value, "3") << "it ran once";
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
