// Clients that send what they should, but never come to its end; and the end of the gateway.
#include "gateway/gateway.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "base/cat.h"
#include "base/pool.h"

namespace ionian::gateway {
namespace {

constexpr std::string_view kHead =
    "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n";

class GatewayTest : public testing::Test {
 protected:
  void serve(const Patience& patience) {
    const auto echo = [](Exchange& exchange) {
      Result<std::string> body = exchange.read_small_body(2000);
      if (body) return exchange.reply(200, "text/plain", *body);
      exchange.reply_error(body.error());
    };
    gateway =
        *Gateway::listen("127.0.0.1:0", {{.prefix = "/echo", .handle = echo}}, nullptr, patience);
    gateway->run([](UniqueFd) {});
  }
  UniqueFd connect() const {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{.sin_family = AF_INET,
                   .sin_port = htons(static_cast<std::uint16_t>(gateway->port())),
                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    return fd;
  }
  // What the server says until it closes, or nothing while it lets one wait.
  static std::optional<std::string> rest(int fd, std::chrono::milliseconds patience) {
    std::string said(1 << 16, '\0');
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
    const ssize_t size = ::recv(fd, said.data(), said.size(), MSG_WAITALL);
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return said;
  }
  // Byte by byte, each long before a patience that began anew with it would end.
  static std::optional<std::string> trickle(int fd, std::string_view text) {
    for (const char byte : text) {
      ::send(fd, &byte, 1, MSG_NOSIGNAL);
      if (auto said = rest(fd, 10ms)) return said;
    }
    return std::nullopt;
  }

  std::unique_ptr<Gateway> gateway;
};

TEST_F(GatewayTest, TheEndWaitsForWorkThatUsesAHandlersStack) {
  std::promise<void> begun, go;
  std::atomic<bool> gone = false, gone_before = false;
  Pool pool(1, 1);
  const auto slow = [&](Exchange& exchange) {
    const std::shared_ptr<void> local(nullptr, [&](void*) { gone = true; });
    exchange.wait([&](const std::function<void()>& done) {
      return pool.post([&, done] {
        begun.set_value();
        go.get_future().wait();
        gone_before = gone.load();
        done();
      });
    });
  };
  gateway = *Gateway::listen("127.0.0.1:0", {{.prefix = "/slow", .handle = slow}});
  gateway->run([](UniqueFd) {});
  const UniqueFd client = connect();
  constexpr std::string_view kGet = "GET /slow HTTP/1.1\r\nHost: here\r\n\r\n";
  ASSERT_EQ(::send(client.get(), kGet.data(), kGet.size(), 0), ssize_t(kGet.size()));
  begun.get_future().wait();
  auto end = std::async(std::launch::async, [&] { gateway.reset(); });
  // Long enough for an end that does not wait.
  EXPECT_EQ(end.wait_for(100ms), std::future_status::timeout);
  go.set_value();
  end.wait();
  EXPECT_FALSE(gone_before);
  EXPECT_TRUE(gone);
}

TEST_F(GatewayTest, AHeadThatTricklesIsNotWaitedFor) {
  serve({.head = 200ms});
  const UniqueFd slow = connect();
  std::string head = "GET /echo HTTP/1.1\r\nX-Slow: ";
  EXPECT_EQ(trickle(slow.get(), head.append(1000, 'x')), "");
  const UniqueFd mute = connect();
  EXPECT_EQ(rest(mute.get(), 30s), "");
}

TEST_F(GatewayTest, ABodyThatTricklesIsNotWaitedFor) {
  serve({.piece = 200ms});
  const UniqueFd slow = connect();
  ASSERT_EQ(::send(slow.get(), kHead.data(), kHead.size(), 0), ssize_t(kHead.size()));
  const auto said = trickle(slow.get(), std::string(999, 'x'));
  ASSERT_TRUE(said.has_value());
  EXPECT_TRUE(said->empty() || said->find("503") != std::string::npos) << *said;
}

TEST_F(GatewayTest, ABodyThatComesInPiecesIsTakenWhole) {
  serve({});
  const UniqueFd whole = connect();
  ASSERT_EQ(::send(whole.get(), kHead.data(), kHead.size(), 0), ssize_t(kHead.size()));
  EXPECT_EQ(trickle(whole.get(), "0123456789"), std::nullopt);
  const std::string more(990, 'y');
  ASSERT_EQ(::send(whole.get(), more.data(), more.size(), 0), ssize_t(more.size()));
  ::shutdown(whole.get(), SHUT_WR);
  const auto said = rest(whole.get(), 30s);
  ASSERT_TRUE(said.has_value());
  EXPECT_TRUE(said->ends_with(cat("0123456789", more))) << *said;
}

}  // namespace
}  // namespace ionian::gateway
