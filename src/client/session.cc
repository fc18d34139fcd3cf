#include "client/session.h"

#include <unistd.h>

#include <set>

#include "base/percent.h"
#include "base/random.h"
#include "client/python_text.h"
#include "client/session_state.h"
#include "ionian/config.hpp"
#include "modal_proto/common.pb.h"

namespace ionian::client {
namespace {

constexpr Duration kAttemptTimeout = 60s;
constexpr int kRetriesMax = 3;
constexpr Duration kFirstDelay = 100ms, kDelayMax = 1s;
constexpr Duration kThrottleLeast = 100ms, kThrottleWarningEach = 30s;

bool transient(Code code) {
  return code == Code::kDeadlineExceeded || code == Code::kUnavailable ||
         code == Code::kCancelled || code == Code::kInternal || code == Code::kUnknown;
}

// How long the server asks its caller to wait, if it does.
std::optional<Duration> retry_after(const WireReply& reply) {
  modal::client::RPCStatus status;
  if (reply.details.empty() || !status.ParseFromString(reply.details)) return std::nullopt;
  for (const auto& detail : status.details()) {
    modal::client::RPCRetryPolicy policy;
    if (detail.UnpackTo(&policy))
      return std::max(from_seconds(policy.retry_after_secs()), kThrottleLeast);
  }
  return std::nullopt;
}

// A web server in place of a gRPC one is told by what gRPC says of its answer.
bool foreign(const Status& status) {
  return status.message.starts_with("Received http2 header with status");
}

std::string uuid() {
  std::uint8_t bytes[16];
  SystemRandom().fill(bytes);
  std::string out;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    constexpr char kHex[] = "0123456789abcdef";
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[bytes[i] >> 4];
    out += kHex[bytes[i] & 15];
  }
  return out;
}

std::string seconds_text(Duration length) {
  return cat(std::chrono::duration<double>(length).count());
}

}  // namespace

// How often one call was sent, and why.
struct Session::Attempts {
  const std::string key = uuid();
  const SystemClock clock;
  const Time began = clock.now();
  int retries = 0, throttled = 0;
  std::optional<Time> warned;

  Metadata headers() const {
    Metadata out = {{"x-idempotency-key", key},
                    {"x-retry-attempt", cat(retries)},
                    {"x-throttle-retry-attempt", cat(throttled)},
                    {"x-modal-timestamp", cat(to_unix_seconds(began))}};
    if (retries) out.emplace_back("x-retry-delay", seconds_text(clock.now() - began));
    if (throttled) out.emplace_back("x-throttle-retry-delay", seconds_text(clock.now() - began));
    return out;
  }
};

Session::Session(SessionOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>().release()) {
  state_.load()->pid = ::getpid();
}

Session::~Session() {
  close();
  // A parent's state is left alone: gRPC's threads that could end it are not in this process.
  if (state_.load()->pid == ::getpid()) std::unique_ptr<State>(state_.load()).reset();
}

Session::State& Session::state() {
  State* now = state_;
  if (now->pid == ::getpid()) return *now;
  auto fresh = std::make_unique<State>();
  fresh->pid = ::getpid();
  if (state_.compare_exchange_strong(now, fresh.get())) return *fresh.release();
  return *now;
}

bool Session::pause(State& state, Duration length) const {
  std::unique_lock lock(state.mutex);
  return !state.changed.wait_for(lock, length, [&] { return closed_.load(); });
}

void Session::close() noexcept {
  closed_ = true;
  State& state = *state_.load();
  if (state.pid != ::getpid()) return;
  const std::lock_guard lock(state.mutex);
  for (const State::Link& link : state.links)
    if (link.transport) link.transport->close();
  state.changed.notify_all();
}

std::optional<Duration> Session::throttle_limit() const {
  if (options_.max_throttle_wait) return options_.max_throttle_wait;
  return options_.who == SessionOptions::Who::kAnonymous ? std::nullopt
                                                         : config().max_throttle_wait();
}

void Session::show_warnings(const WireReply& reply) const {
  static std::mutex mutex;
  static std::set<std::string> shown;  // guarded by mutex; each once per process
  for (const auto& [name, value] : reply.metadata) {
    if (name != "x-modal-warning") continue;
    const std::string text = percent_decoded(value);
    const std::lock_guard lock(mutex);
    if (shown.insert(text).second) log(LogLevel::kWarning, text);
  }
}

// The server's own wish comes first; else what is transient is tried again a few times.
std::optional<Duration> Session::before_next(const WireReply& reply, std::string_view method,
                                             std::optional<Duration> limit,
                                             Attempts& attempts) const {
  const Status& status = reply.status;
  if (const auto asked = retry_after(reply); asked && limit != Duration::zero()) {
    const Time now = attempts.clock.now();
    if (limit && now + *asked - attempts.began >= *limit) return std::nullopt;
    if (!attempts.warned || now - *attempts.warned >= kThrottleWarningEach) {
      attempts.warned = now;
      log(LogLevel::kWarning, cat("the server asks to wait with ", method, ": ", status.message,
                                  ". It is tried again"));
    }
    ++attempts.throttled;
    return asked;
  }
  if (!transient(status.code) || attempts.retries == kRetriesMax) return std::nullopt;
  const Duration delay = std::min(kFirstDelay * (1 << attempts.retries++), kDelayMax);
  log(LogLevel::kDebug,
      cat(method, " (", attempts.key.substr(0, 8), ") failed: ", code_name(status.code), " ",
          status.message, "; tried again in ", seconds_text(delay), " s"));
  return delay;
}

std::expected<WireReply, Failure> Session::try_call(std::string_view method, std::string body,
                                                    const CallOptions& options) {
  using Kind = Failure::Kind;
  const Failure closed{Kind::kClosed, {Code::kCancelled, cat(method, ": the client was closed")}};
  if (closed_) return std::unexpected(closed);
  State& now = state();
  resolve(now);
  const std::optional<Duration> limit = throttle_limit();
  const Duration timeout = options.timeout.value_or(options_.timeout.value_or(kAttemptTimeout));
  for (Attempts attempts;;) {
    auto transport = connected(now, timeout, options);
    if (closed_) return std::unexpected(closed);
    if (!transport) return std::unexpected(transport.error());
    WireRequest request{
        method.starts_with('/') ? std::string(method) : cat("/modal.client.ModalClient/", method),
        body, now.identity, timeout};
    for (auto& header : attempts.headers()) request.metadata.push_back(std::move(header));
    WireReply reply = (*transport)->unary(request);
    if (closed_) return std::unexpected(closed);
    show_warnings(reply);
    if (reply.status.ok()) return reply;
    if (foreign(reply.status)) return std::unexpected(not_grpc(now));
    std::optional<Duration> delay;
    if (options.retry == CallOptions::Retry::kTransient)
      delay = before_next(reply, method, limit, attempts);
    if (!delay) return std::unexpected(Failure{Kind::kServer, reply.status});
    if (!pause(now, *delay)) return std::unexpected(closed);
  }
}

Failure Session::not_grpc(const State& state) const {
  return {Failure::Kind::kUnreachable,
          {Code::kUnavailable,
           cat("cannot reach ", server_url(),
               ": what answers there is a web server, not a server of Ionian or Modal. The setting "
               "server_url (from ",
               state.url_origin, ") decides where the server is")},
          ReachStep::kProtocol};
}

WireReply Session::call(std::string_view method, const google::protobuf::MessageLite& request,
                        google::protobuf::MessageLite& reply, const CallOptions& options) {
  auto answer = try_call(method, request.SerializeAsString(), options);
  if (!answer) throw_failure(answer.error());
  if (!reply.ParseFromString(answer->body))
    throw InternalError(cat(method, ": the server's reply is no valid message"));
  return *std::move(answer);
}

}  // namespace ionian::client
