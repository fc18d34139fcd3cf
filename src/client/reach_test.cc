// Servers that cannot be reached, each in its own way: the texts that a person meets.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "base/cat.h"
#include "base/fd.h"
#include "client/config_fixture.h"
#include "client/fake_server.h"
#include "client/probe.h"
#include "ionian/client.hpp"
#include "ionian/config.hpp"

namespace ionian {
namespace {

using client::FakeReply;
using client::FakeServer;
using client::thrown;
using ::testing::AllOf;
using ::testing::HasSubstr;

FakeReply yes(const client::FakeCall&) { return {}; }

// A listening socket that answers each connection with `answer`, or with nothing at all.
class Listener {
 public:
  explicit Listener(std::string answer = "") : answer_(std::move(answer)) {
    listening_ = UniqueFd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (!listening_ || ::bind(listening_.get(), generic, size) != 0 ||
        ::getsockname(listening_.get(), generic, &size) != 0 || ::listen(listening_.get(), 16) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    if (!answer_.empty()) thread_ = std::jthread([this] { serve(); });
  }
  ~Listener() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  int port() const { return port_; }
  // The next connection, waited for.
  UniqueFd take() const { return UniqueFd(::accept(listening_.get(), nullptr, nullptr)); }

 private:
  void serve() {
    for (;;) {
      const UniqueFd one(::accept(listening_.get(), nullptr, nullptr));
      if (!one) return;
      char greeting[256];
      (void)::recv(one.get(), greeting, sizeof greeting, 0);
      (void)::send(one.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }
  const std::string answer_;
  UniqueFd listening_;
  int port_ = 0;
  std::jthread thread_;
};

class ReachTest : public client::ConfigTest {
 protected:
  ReachTest() { config().reload(); }
  static ClientOptions to(const std::string& url) {
    return {.token_id = "ak-1", .token_secret = "as-1", .server_url = url, .timeout = 1s};
  }
  static std::string why(const std::string& url) {
    return thrown<ConnectionError>([&] { Client(to(url)).hello(); });
  }
};

TEST_F(ReachTest, Refused) {
  EXPECT_EQ(
      why("http://127.0.0.1:1"),
      "cannot reach http://127.0.0.1:1: 127.0.0.1 port 1: connection refused: nothing listens "
      "there. Is the server running? On its machine: `ionian serve`. The setting server_url "
      "(from the program) decides where the server is");
}

TEST_F(ReachTest, NoSuchName) {
  EXPECT_THAT(
      why("http://nowhere.invalid:8713"),
      AllOf(HasSubstr("cannot reach http://nowhere.invalid:8713: the name 'nowhere.invalid' "
                      "has no address"),
            HasSubstr("server_url")));
}

TEST_F(ReachTest, Timeout) {
  const Listener silent;
  EXPECT_THAT(why(cat("http://127.0.0.1:", silent.port())),
              AllOf(HasSubstr("timeout: the connection was taken, but nothing comes"),
                    HasSubstr("server_url")));
}

TEST_F(ReachTest, CloseEndsTheWaitForAConnection) {
  const Listener silent;
  ClientOptions options = to(cat("http://127.0.0.1:", silent.port()));
  options.timeout = 10s;
  Client client(options);
  const auto began = std::chrono::steady_clock::now();
  auto pending = std::async(std::launch::async,
                            [client] { return thrown<ClientClosed>([&] { client.hello(); }); });
  const UniqueFd under_way = silent.take();
  client.close();
  EXPECT_EQ(pending.get(), "ClientHello: the client was closed");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST_F(ReachTest, AWebServer) {
  const Listener web("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
  EXPECT_THAT(why(cat("http://127.0.0.1:", web.port())),
              HasSubstr("a web server answers, not a server of Ionian or Modal"));
}

TEST_F(ReachTest, AnotherProgram) {
  const Listener mail("220 mail.example ESMTP\r\n");
  EXPECT_THAT(why(cat("http://127.0.0.1:", mail.port())),
              HasSubstr("not a server of Ionian or Modal"));
}

TEST_F(ReachTest, TlsWhereThereIsNone) {
  const FakeServer plain(yes);
  EXPECT_THAT(why(cat("https://127.0.0.1:", plain.port())),
              AllOf(HasSubstr("TLS failed"), HasSubstr("write http:// in place of https://")));
}

TEST_F(ReachTest, NoTlsWhereItIsWanted) {
  const Listener tls("\x15\x03\x03");
  EXPECT_THAT(why(cat("http://127.0.0.1:", tls.port())), HasSubstr("Write https://"));
}

TEST_F(ReachTest, NoSocket) {
  EXPECT_THAT(why(cat("unix://", folder, "/none")), HasSubstr("there is no such socket"));
}

TEST_F(ReachTest, TheFirstThatCanBeReachedOfSeveral) {
  const FakeServer server(yes);
  Client(to(cat("http://127.0.0.1:1 , ", server.url()))).hello();
  EXPECT_EQ(server.calls().size(), 1U);
  EXPECT_THAT(
      why("http://127.0.0.1:1,http://127.0.0.1:2"),
      AllOf(HasSubstr("http://127.0.0.1:1: "), HasSubstr("; cannot reach http://127.0.0.1:2")));
}

TEST_F(ReachTest, AddressesThatAreNone) {
  for (const char* url : {"ftp://x", "http://", "http://[::1", "http://x:y", "unix:"})
    EXPECT_THAT(thrown<InvalidError>([&] { Client(to(url)).hello(); }),
                HasSubstr("invalid value for server_url"))
        << url;
  EXPECT_EQ(client::parse_endpoints("http://[::1]:80/x")->front().address(), "[::1]:80");
  EXPECT_EQ(client::parse_endpoints("https://host")->front().address(), "host:443");
}

}  // namespace
}  // namespace ionian
