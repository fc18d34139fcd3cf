#pragma once
// What stands behind a Client: who calls, where to, and how a call is repeated. Thread-safe; opens
// nothing and reads nothing before the first call.
#include <google/protobuf/message_lite.h>

#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "client/log_lines.h"
#include "client/probe.h"
#include "client/transport.h"

namespace ionian::client {

// The version of the official client whose protocol the library speaks.
inline constexpr std::string_view kProtocolVersion = "1.6.4";

struct SessionOptions {
  std::optional<std::string> token_id, token_secret, server_url, environment, loglevel;
  std::optional<Duration> timeout, max_throttle_wait;
  enum class Who { kConfigured, kAnonymous } who = Who::kConfigured;
  std::string url_origin;  // of server_url, for messages; empty: the program
};

struct CallOptions {
  std::optional<Duration> timeout = {};  // of each attempt
  enum class Retry { kTransient, kNever } retry = Retry::kTransient;
  // Whether an unreachable server is looked at step by step, which takes up to some seconds.
  enum class Explain { kFully, kBriefly } explain = Explain::kFully;
};

// Why a call has no reply.
struct Failure {
  enum class Kind { kServer, kUnreachable, kClosed } kind = Kind::kServer;
  Status status;  // kServer: the server's, or that its answer did not come in time
  ReachStep step = ReachStep::kReached;  // kUnreachable: the first that failed
};
[[noreturn]] void throw_failure(const Failure& failure);

class Session {
 public:
  explicit Session(SessionOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Calls a method of ModalClient by its name. Throws what Config throws, if the settings are
  // wrong.
  std::expected<WireReply, Failure> try_call(std::string_view method, std::string body,
                                             const CallOptions& options = {});
  // The same with messages; throws the failure too. Returns what came besides the reply.
  WireReply call(std::string_view method, const google::protobuf::MessageLite& request,
                 google::protobuf::MessageLite& reply, const CallOptions& options = {});

  void close() noexcept;
  bool is_closed() const noexcept { return closed_; }

  // As calls use them: the setting's text, and what decided it.
  std::string server_url() const;
  std::string server_url_origin() const;
  std::string environment() const;
  void log(LogLevel level, std::string_view message) const;

 private:
  struct State;
  struct Attempts;

  State& state();
  std::expected<std::shared_ptr<Transport>, Failure> connected(State& state, Duration timeout,
                                                               const CallOptions& options);
  std::expected<std::shared_ptr<Transport>, Failure> connect_round(State& state, Duration timeout,
                                                                   CallOptions::Explain explain);
  void resolve(State& state) const;
  LogStyle log_style() const;
  // False: closed meanwhile.
  bool pause(State& state, Duration length) const;
  std::optional<Duration> throttle_limit() const;
  // How long to wait before another attempt; nullopt: there is none.
  std::optional<Duration> before_next(const WireReply& reply, std::string_view method,
                                      std::optional<Duration> limit, Attempts& attempts) const;
  Failure not_grpc(const State& state) const;
  void show_warnings(const WireReply& reply) const;

  const SessionOptions options_;
  std::atomic<bool> closed_ = false;
  std::atomic<State*> state_;
};

// Asks the server whether it takes the session's credentials; shows its warnings. Throws as
// Client::hello().
void say_hello(Session& session);

}  // namespace ionian::client
