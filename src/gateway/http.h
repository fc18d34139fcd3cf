#pragma once
// One HTTP connection as its handlers see it. Handlers run in a stackful coroutine: they read like
// blocking code, and ten thousand waiting connections are ten thousand small stacks, not threads.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ionian {
class Pool;
}

namespace ionian::gateway {

// With clients. What they send is asked for in whole heads and pieces, so that one which trickles
// it is sent away like one that says nothing.
struct Patience {
  static constexpr std::size_t kPiece = 256 << 10;
  std::chrono::milliseconds head = 20s;
  std::chrono::milliseconds piece = 60s;  // of a body, to come or to be taken
};

// A request whose head has been read and whose body has not.
class Exchange {
 public:
  // What Beast knows of it (gateway/wire.h). Files that only answer requests do not read Beast.
  struct Wire;
  Exchange(Wire& wire, std::string side) : wire_(wire), side_(std::move(side)) {}

  std::string_view method() const;
  std::string_view target() const;
  // A header field by its name in any case; "" if it is missing.
  std::string_view field(std::string_view name) const;
  bool has_field(std::string_view name) const;
  std::optional<std::uint64_t> content_length() const;
  // The task inside whose namespace the listener stands; "" outside.
  const std::string& side() const { return side_; }

  // Hands over the body piece by piece; stops with the first error of `piece`. UNAVAILABLE: the
  // client has gone.
  Result<void> read_body(const std::function<Result<void>(std::string_view)>& piece);
  // The whole body of a small request. INVALID_ARGUMENT above the limit.
  Result<std::string> read_small_body(std::size_t limit);

  // Answers; each exchange is answered once.
  void reply(int status, std::string_view content_type, std::string body,
             const std::vector<std::pair<std::string, std::string>>& fields = {});
  // Answers with `length` bytes of an open file, from its start.
  void reply_file(int fd, std::uint64_t length);
  void reply_error(const Status& status);

  bool keep_alive() const { return keep_alive_; }
  bool tls() const;
  // Of the other end: "127.0.0.1".
  std::string remote_address() const;

  // Something else is to be done first, on other threads: `begin` sees to it that its argument is
  // called once. The coroutine waits for that, its thread does not. False if `begin` says that it
  // cannot be. What is done there may use the coroutine's stack: the gateway does not end before.
  bool wait(const std::function<bool(std::function<void()> done)>& begin);
  // For `work` in a pool. False if that is full.
  bool wait_for(Pool& pool, const std::function<void()>& work);

 private:
  Wire& wire_;
  const std::string side_;
  bool keep_alive_ = true;
};

// The HTTP status that says what a Status says.
int http_status(Code code);

}  // namespace ionian::gateway
