#include "ionian/client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <set>

#include "base/cat.h"
#include "client/config_fixture.h"
#include "client/fake_server.h"
#include "ionian/config.hpp"
#include "modal_proto/common.pb.h"
#include "modal_proto/token.pb.h"

namespace ionian {
namespace {

using client::FakeCall;
using client::FakeReply;
using client::FakeServer;
using client::thrown;

FakeReply yes(const FakeCall&) { return {}; }
FakeReply no(grpc::StatusCode code, const std::string& text) { return {.status = {code, text}}; }

ClientOptions to(const FakeServer& server, const std::string& id = "ak-1") {
  return {.token_id = id, .token_secret = "as-1", .server_url = server.url()};
}

class ClientTest : public client::ConfigTest {
 protected:
  ClientTest() { config().reload(); }
};

TEST_F(ClientTest, SaysWhoCallsAndWithWhat) {
  const FakeServer server(yes);
  Client(to(server)).hello();
  const std::vector<FakeCall> calls = server.calls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].method, "ClientHello");
  auto headers = calls[0].headers;
  EXPECT_EQ(headers["x-modal-token-id"], "ak-1");
  EXPECT_EQ(headers["x-modal-token-secret"], "as-1");
  EXPECT_EQ(headers["x-modal-client-type"], "1");
  EXPECT_EQ(headers["x-modal-client-version"], "1.6.4");
  EXPECT_EQ(headers["x-modal-host"], "127.0.0.1");
  EXPECT_EQ(headers["x-retry-attempt"], "0");
  EXPECT_EQ(headers["x-idempotency-key"].size(), 36U);
  EXPECT_FALSE(headers["x-modal-timestamp"].empty());
}

TEST_F(ClientTest, AnonymousSendsNoCredentials) {
  const FakeServer server(yes);
  Client::anonymous(server.url()).hello();
  EXPECT_FALSE(server.calls().at(0).headers.contains("x-modal-token-id"));
}

TEST_F(ClientTest, SeveralAccountsSideBySide) {
  const FakeServer server(yes);
  const Client one(to(server, "ak-one")), two(to(server, "ak-two"));
  one.hello();
  two.hello();
  one.hello();
  std::vector<std::string> ids;
  for (const FakeCall& call : server.calls()) ids.push_back(call.headers.at("x-modal-token-id"));
  EXPECT_EQ(ids, (std::vector<std::string>{"ak-one", "ak-two", "ak-one"}));
}

TEST_F(ClientTest, ConstructorsDoNothing) {
  const Client bad({.token_id = "ak-1", .server_url = "http://127.0.0.1:1"});
  EXPECT_EQ(thrown<AuthError>([&] { bad.hello(); }),
            "token_secret is missing: the program passed only token_id to the client");
}

TEST_F(ClientTest, RetriesWithOneKey) {
  std::atomic<int> count = 0;
  const FakeServer server([&](const FakeCall&) {
    return ++count < 4 ? no(grpc::StatusCode::UNAVAILABLE, "later") : FakeReply();
  });
  Client(to(server)).hello();
  std::set<std::string> keys;
  std::vector<std::string> attempts;
  for (FakeCall& call : server.calls()) {
    keys.insert(call.headers["x-idempotency-key"]);
    attempts.push_back(call.headers["x-retry-attempt"]);
    EXPECT_EQ(call.headers.contains("x-retry-delay"), attempts.size() > 1);
  }
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(attempts, (std::vector<std::string>{"0", "1", "2", "3"}));
  count = -10;
  EXPECT_EQ(thrown<ServiceError>([&] { Client(to(server)).hello(); }), "later");
  EXPECT_EQ(server.calls().size(), 8U);
}

TEST_F(ClientTest, EachCodeIsAnErrorOfItsOwn) {
  std::atomic<int> code = 0;
  const FakeServer server(
      [&](const FakeCall&) { return no(static_cast<grpc::StatusCode>(code.load()), "text"); });
  const Client client(to(server));
  const auto names = [&](auto error, grpc::StatusCode which, int calls) {
    code = which;
    const std::size_t before = server.calls().size();
    EXPECT_EQ(thrown<decltype(error)>([&] { client.token_info(); }), "text") << which;
    EXPECT_EQ(server.calls().size() - before, static_cast<std::size_t>(calls)) << which;
  };
  using enum grpc::StatusCode;
  names(InvalidError(""), INVALID_ARGUMENT, 1);
  names(InvalidError(""), OUT_OF_RANGE, 1);
  names(NotFoundError(""), NOT_FOUND, 1);
  names(AlreadyExistsError(""), ALREADY_EXISTS, 1);
  names(PermissionDeniedError(""), PERMISSION_DENIED, 1);
  names(ResourceExhaustedError(""), RESOURCE_EXHAUSTED, 1);
  names(ConflictError(""), FAILED_PRECONDITION, 1);
  names(ConflictError(""), ABORTED, 1);
  names(UnimplementedError(""), UNIMPLEMENTED, 1);
  names(AuthError(""), UNAUTHENTICATED, 1);
  names(DataLossError(""), DATA_LOSS, 1);
  names(InternalError(""), INTERNAL, 4);
  names(ServiceError(""), UNKNOWN, 4);
  names(ServiceError(""), CANCELLED, 4);
}

TEST_F(ClientTest, HelloTellsVersionAndForeignServersApart) {
  std::atomic<int> code = grpc::StatusCode::FAILED_PRECONDITION;
  const FakeServer server(
      [&](const FakeCall&) { return no(static_cast<grpc::StatusCode>(code.load()), "too old"); });
  EXPECT_EQ(thrown<VersionError>([&] { Client(to(server)).hello(); }), "too old");
  code = grpc::StatusCode::UNIMPLEMENTED;
  const std::string text = thrown<ConnectionError>([&] { Client(to(server)).hello(); });
  EXPECT_NE(text.find(cat(server.url(), ": it is a gRPC server, but not one of Ionian or Modal")),
            text.npos)
      << text;
  EXPECT_NE(text.find("server_url (from the program)"), text.npos) << text;
}

FakeReply wait(float seconds) {
  modal::client::RPCRetryPolicy policy;
  policy.set_retry_after_secs(seconds);
  modal::client::RPCStatus status;
  status.add_details()->PackFrom(policy);
  return {.status = {grpc::StatusCode::RESOURCE_EXHAUSTED, "slowly", status.SerializeAsString()}};
}

TEST_F(ClientTest, WaitsWhenTheServerAsksForIt) {
  std::atomic<int> count = 0;
  const FakeServer server([&](const FakeCall&) { return ++count < 3 ? wait(0.2F) : FakeReply(); });
  ::testing::internal::CaptureStderr();
  const auto began = std::chrono::steady_clock::now();
  Client(to(server)).hello();
  EXPECT_GE(std::chrono::steady_clock::now() - began, 400ms);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("the server asks to wait with ClientHello: slowly"), said.npos) << said;
  EXPECT_EQ(said.find("as-1"), said.npos);
  EXPECT_EQ(std::ranges::count(said, '\n'), 1);  // one warning in 30 s
  EXPECT_EQ(server.calls().back().headers.at("x-throttle-retry-attempt"), "2");
  EXPECT_EQ(server.calls().back().headers.at("x-retry-attempt"), "0");
}

TEST_F(ClientTest, WaitsNoLongerThanItMay) {
  const FakeServer server([&](const FakeCall&) { return wait(30); });
  ClientOptions options = to(server);
  for (const Duration most : {Duration(0s), Duration(10s)}) {
    options.max_throttle_wait = most;
    EXPECT_EQ(thrown<ResourceExhaustedError>([&] { Client(options).hello(); }), "slowly");
  }
  EXPECT_EQ(server.calls().size(), 2U);
}

TEST_F(ClientTest, AnAttemptHasADeadline) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  const FakeServer server([&](const FakeCall&) {
    ended.wait();
    return FakeReply();
  });
  ClientOptions options = to(server);
  options.timeout = 50ms;
  EXPECT_EQ(thrown<ServiceError>([&] { Client(options).hello(); }), "Deadline Exceeded");
  end.set_value();
}

TEST_F(ClientTest, ShowsAWarningOfTheServerOnce) {
  const FakeServer server([](const FakeCall&) {
    return FakeReply{.trailers = {{"x-modal-warning", "mind%20the%20gap"}}};
  });
  ::testing::internal::CaptureStderr();
  Client(to(server)).hello();
  Client(to(server)).hello();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(said, '\n'), 1);
  EXPECT_TRUE(said.starts_with("[ionian-client] ") && said.ends_with(" mind the gap\n")) << said;
}

TEST_F(ClientTest, CloseEndsCallsUnderWay) {
  std::latch arrived(1);
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  const FakeServer server([&](const FakeCall&) {
    arrived.count_down();
    ended.wait();
    return FakeReply();
  });
  Client client(to(server));
  auto pending = std::async(std::launch::async,
                            [client] { return thrown<ClientClosed>([&] { client.hello(); }); });
  arrived.wait();
  client.close();
  EXPECT_EQ(pending.get(), "ClientHello: the client was closed");
  EXPECT_TRUE(client.is_closed());
  EXPECT_EQ(thrown<ClientClosed>([&] { client.hello(); }), "ClientHello: the client was closed");
  end.set_value();
}

TEST_F(ClientTest, ASocketInTheFileSystem) {
  const std::string socket = cat(folder, "/s");
  const FakeServer server(yes, cat("unix:", socket));
  for (const char* scheme : {"unix://", "unix:"})
    Client({.token_id = "ak-1", .token_secret = "as-1", .server_url = cat(scheme, socket)}).hello();
  EXPECT_EQ(server.calls().size(), 2U);
  EXPECT_FALSE(server.calls()[0].headers.contains("x-modal-host"));
}

TEST_F(ClientTest, AServerThatComesBackIsFoundAgain) {
  auto server = std::make_unique<FakeServer>(yes);
  const Client client(to(*server));
  client.hello();
  const std::string address = cat("127.0.0.1:", server->port());
  server.reset();
  auto pending = std::async(std::launch::async, [&] { client.hello(); });
  server = std::make_unique<FakeServer>(yes, address);
  pending.get();
  EXPECT_EQ(server->calls().size(), 1U);
}

TEST_F(ClientTest, TokenInfoHasLastUseAndRole) {
  const FakeServer server([](const FakeCall& call) {
    modal::client::TokenInfoGetResponse info;
    modal::client::TokensListResponse list;
    info.set_token_id("ak-1");
    info.set_workspace_name("home");
    info.mutable_user_identity()->set_username("ada");
    info.mutable_expires_at()->set_seconds(2'000'000'000);
    auto* token = list.add_tokens();
    token->set_token_id("ak-1");
    token->set_last_used_at(1'900'000'000);
    return FakeReply{
        .body = call.method == "TokensList" ? list.SerializeAsString() : info.SerializeAsString(),
        .trailers = {{"x-ionian-role", "manager"}}};
  });
  const TokenInfo info = Client(to(server)).token_info();
  EXPECT_EQ(info.workspace, "home");
  EXPECT_EQ(info.user->name, "ada");
  EXPECT_FALSE(info.service_user || info.created_at);
  EXPECT_EQ(info.expires_at, Time(2'000'000'000s));
  EXPECT_EQ(info.last_used_at, Time(1'900'000'000s));
  EXPECT_EQ(info.role, "manager");
}

TEST_F(ClientTest, TheSettingsSayWhoAndWhere) {
  const FakeServer server(yes);
  file(cat("[home]\ntoken_id = \"ak-7\"\ntoken_secret = \"as-7\"\nenvironment = \"dev\"\n",
           "active = true\nserver_url = \"", server.url(), "\"\n"));
  config().reload();
  const Client client;
  client.hello();
  EXPECT_EQ(server.calls().at(0).headers.at("x-modal-token-id"), "ak-7");
  EXPECT_EQ(client.environment(), "dev");
  EXPECT_EQ(client.server_url(), server.url());
  Client::from_env().close();  // the shared one; the next use makes another
  client.hello();
  EXPECT_EQ(server.calls().size(), 2U);
}

TEST_F(ClientTest, WithoutCredentialsNothingIsOpened) {
  EXPECT_TRUE(thrown<AuthError>([] {
                Client({.server_url = "http://127.0.0.1:1"}).hello();
              }).starts_with("no credentials: neither MODAL_TOKEN_ID"));
  set("MODAL_TOKEN_ID", "ak-1");
  EXPECT_TRUE(thrown<AuthError>([] { Client(ClientOptions()).hello(); })
                  .starts_with("token_secret is missing: token_id comes from environment variable "
                               "MODAL_TOKEN_ID"));
}

TEST_F(ClientTest, DebugShowsWhatIsTriedAgain) {
  std::atomic<int> count = 0;
  const FakeServer server([&](const FakeCall&) {
    return ++count == 1 ? no(grpc::StatusCode::UNAVAILABLE, "later") : FakeReply();
  });
  set("MODAL_LOG_PATTERN", "%(levelname)s %(message)s");
  ClientOptions options = to(server);
  ::testing::internal::CaptureStderr();
  Client(options).hello();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  count = 0;
  options.loglevel = "DEBUG";
  ::testing::internal::CaptureStderr();
  Client(options).hello();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(said.starts_with("DEBUG ClientHello (")) << said;
  EXPECT_NE(said.find("failed: UNAVAILABLE later; tried again in 0.1 s"), said.npos) << said;
}

TEST_F(ClientTest, OfficialServersAreNeverADefault) {
  EXPECT_EQ(Client(ClientOptions()).server_url(), "http://127.0.0.1:8713");
}

}  // namespace
}  // namespace ionian
