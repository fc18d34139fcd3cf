#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <set>

#include "base/file.h"
#include "client/transport.h"

namespace ionian::client {
namespace {

constexpr int kKeepaliveMs = 30'000, kKeepaliveAnswerMs = 10'000;  // as the official clients
constexpr Duration kLookAtClosedEach = 50ms;
constexpr Duration kChannelsEndWithin = 5s;
constexpr int kReconnectFirstMs = 100, kReconnectMaxMs = 5'000;
constexpr int kMessageBytesMax = 104 << 20;  // as the server has it
constexpr std::string_view kForkedTooSoon =
    "the process forked while calls were under way, so that its child has no connection";

std::shared_ptr<grpc::ChannelCredentials> credentials_for(const Endpoint& endpoint) {
  if (endpoint.scheme != Endpoint::Scheme::kHttps) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = read_file(root_certificates_path()).value_or("");
  return grpc::SslCredentials(tls);
}

// What fails is said by exceptions; gRPC's own lines on stderr are for who asks for them. Names are
// looked up as the rest of the machine does it: gRPC's own resolver waits for a silent name server
// also where /etc/hosts knows the answer.
void prepare_grpc() {
  ::setenv("GRPC_DNS_RESOLVER", "native", 0);
  if (!std::getenv("GRPC_VERBOSITY")) gpr_set_log_function([](gpr_log_func_args*) {});
}

std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint, Proxy proxy) {
  static std::once_flag once;
  std::call_once(once, prepare_grpc);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, proxy == Proxy::kAsConfigured);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES,
                   0);  // the session's own retries say so in their headers
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  return grpc::CreateCustomChannel(endpoint.address(), credentials_for(endpoint), arguments);
}

gpr_timespec deadline_after(Duration timeout) {
  if (timeout >= std::chrono::hours(24 * 365)) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN));
}

std::string text_of(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!bytes.Valid() || !bytes.Dump(&slices).ok()) return out;
  out.reserve(bytes.Length());
  for (const grpc::Slice& slice : slices)
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return out;
}

// gRPC's wait for a connection cannot be woken; `closed` is looked at in between.
Result<void> wait_until_ready(grpc::Channel& channel, Duration timeout,
                              const std::atomic<bool>& closed) {
  const gpr_timespec deadline = deadline_after(timeout);
  grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
  // A channel that failed before is in TRANSIENT_FAILURE until its next attempt begins.
  for (bool tried = false; state != GRPC_CHANNEL_READY;) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && tried)
      return fail(Code::kUnavailable, "the connection failed");
    tried |= state == GRPC_CHANNEL_CONNECTING || state == GRPC_CHANNEL_IDLE;
    const gpr_timespec turn = gpr_time_min(deadline, deadline_after(kLookAtClosedEach));
    const bool changed = channel.WaitForStateChange(state, turn);
    if (closed) return fail(Code::kCancelled, "the client was closed");
    if (!changed && gpr_time_cmp(turn, deadline) == 0)
      return fail(
          state == GRPC_CHANNEL_TRANSIENT_FAILURE ? Code::kUnavailable : Code::kDeadlineExceeded,
          "no connection came about in time");
    state = channel.GetState(true);
  }
  return {};
}

WireReply reply_of(const grpc::Status& status, const grpc::ByteBuffer& body,
                   const grpc::ClientContext& context) {
  WireReply reply{.status = {static_cast<Code>(status.error_code()), status.error_message()},
                  .body = text_of(body),
                  .details = status.error_details(),
                  .metadata = {}};
  for (const auto* part :
       {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()})
    for (const auto& [name, value] : *part)
      reply.metadata.emplace_back(std::string(name.data(), name.size()),
                                  std::string(value.data(), value.size()));
  return reply;
}

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(const Endpoint& endpoint, Proxy proxy) : endpoint_(endpoint), proxy_(proxy) {
    all_transports().add(this);
  }
  ~GrpcTransport() override { all_transports().remove(this); }

  Result<void> connect(Duration timeout) override {
    const Use use(*this);
    if (!use.channel()) return fail(Code::kCancelled, kForkedTooSoon);
    return wait_until_ready(*use.channel(), timeout, closed_);
  }

  WireReply unary(const WireRequest& request) override {
    Use use(*this);
    if (!use.channel()) return {.status = {Code::kCancelled, std::string(kForkedTooSoon)}};
    grpc::ClientContext& context = use.context();
    context.set_deadline(deadline_after(request.timeout));
    for (const auto& [name, value] : request.metadata) context.AddMetadata(name, value);
    const grpc::Slice slice(request.body);
    const grpc::ByteBuffer out(&slice, 1);
    grpc::ByteBuffer in;
    const grpc::Status status = grpc::internal::BlockingUnaryCall(
        use.channel(),
        grpc::internal::RpcMethod(request.path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC),
        &context, out, &in);
    return reply_of(status, in, context);
  }

  void close() noexcept override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Use* use : uses_) use->context().TryCancel();
  }

 private:
  // The channel while something goes on over it, within reach of close().
  class Use {
   public:
    explicit Use(GrpcTransport& transport) : transport_(transport) {
      const std::lock_guard lock(transport_.mutex_);
      if (!transport_.channel_ && !AllTransports::unusable)
        transport_.channel_ = open_channel(transport_.endpoint_, transport_.proxy_);
      channel_ = transport_.channel_;
      transport_.uses_.insert(this);
      if (channel_) context_.emplace();
      if (channel_ && transport_.closed_) context_->TryCancel();
    }
    ~Use() {
      const std::lock_guard lock(transport_.mutex_);
      transport_.uses_.erase(this);
      context_.reset();
      channel_.reset();
    }
    grpc::Channel* channel() const { return channel_.get(); }
    grpc::ClientContext& context() { return *context_; }

   private:
    GrpcTransport& transport_;
    std::shared_ptr<grpc::Channel> channel_;
    std::optional<grpc::ClientContext> context_;
  };

  // Every transport of the process, for the moment of fork(): gRPC's threads do not live on in a
  // child, so it is shut down before, if nothing is under way, and starts anew on both sides.
  class AllTransports {
   public:
    AllTransports() {
      ::pthread_atfork([] { all_transports().before_fork(); }, [] { all_transports().in_parent(); },
                       [] { all_transports().in_child(); });
    }
    void add(GrpcTransport* one) {
      const std::lock_guard lock(mutex_);
      all_.insert(one);
    }
    void remove(GrpcTransport* one) {
      const std::lock_guard lock(mutex_);
      all_.erase(one);
    }
    static inline std::atomic<bool> unusable = false;

   private:
    void before_fork() {
      mutex_.lock();
      bool idle = true;
      for (GrpcTransport* one : all_) {
        one->mutex_.lock();
        if (one->uses_.empty()) one->channel_.reset();
        idle &= one->uses_.empty();
      }
      if (idle) shut_down_grpc();
    }
    // A closed channel lives on in gRPC's threads until its connection has said good-bye, and gRPC
    // tells nobody of its end: it is looked at, each time with a chance to be the last user.
    static void shut_down_grpc() {
      const gpr_timespec deadline = deadline_after(kChannelsEndWithin);
      while (::grpc_is_initialized() && gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), deadline) < 0) {
        ::grpc_init();
        ::grpc_shutdown_blocking();
        if (::grpc_is_initialized()) gpr_sleep_until(deadline_after(1ms));
      }
    }
    void in_parent() {
      for (GrpcTransport* one : all_) one->mutex_.unlock();
      mutex_.unlock();
    }
    void in_child() {
      if (::grpc_is_initialized()) unusable = true;
      in_parent();
    }
    std::mutex mutex_;
    std::set<GrpcTransport*> all_;  // guarded by mutex_
  };
  static AllTransports& all_transports() {
    static AllTransports& all = *std::make_unique<AllTransports>().release();
    return all;
  }

  const Endpoint endpoint_;
  const Proxy proxy_;
  std::mutex mutex_;                        // guards what follows
  std::shared_ptr<grpc::Channel> channel_;  // null: not yet, or closed for a fork()
  std::atomic<bool> closed_ = false;
  std::set<Use*> uses_;
};

}  // namespace

std::string WireReply::find(std::string_view name) const {
  for (const auto& [key, value] : metadata)
    if (key == name) return value;
  return "";
}

std::string root_certificates_path() {
  const char* chosen = std::getenv("SSL_CERT_FILE");
  return chosen && *chosen ? chosen : "/etc/ssl/certs/ca-certificates.crt";
}

std::unique_ptr<Transport> make_grpc_transport(const Endpoint& endpoint, Proxy proxy) {
  return std::make_unique<GrpcTransport>(endpoint, proxy);
}

}  // namespace ionian::client
