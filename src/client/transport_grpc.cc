#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <set>

#include "base/file.h"
#include "client/transport.h"

// Not in gRPC's headers, but in the archive that is linked.
namespace grpc_core {
class Fork {
 public:
  static void Enable(bool enable);
};
}  // namespace grpc_core

namespace ionian::client {
namespace {

constexpr int kKeepaliveMs = 30'000, kKeepaliveAnswerMs = 10'000;  // as the official clients
constexpr int kReconnectFirstMs = 100, kReconnectMaxMs = 5'000;
constexpr int kMessageBytesMax = 100 << 20;

std::shared_ptr<grpc::ChannelCredentials> credentials_for(const Endpoint& endpoint) {
  if (endpoint.scheme != Endpoint::Scheme::kHttps) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = read_file(root_certificates_path()).value_or("");
  return grpc::SslCredentials(tls);
}

// What fails is said by exceptions; gRPC's own lines on stderr are for who asks for them.
void quiet_grpc() {
  if (!std::getenv("GRPC_VERBOSITY")) gpr_set_log_function([](gpr_log_func_args*) {});
}

std::shared_ptr<grpc::Channel> open_channel(const Endpoint& endpoint, Proxy proxy) {
  allow_fork();
  static std::once_flag once;
  std::call_once(once, quiet_grpc);
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
  // gRPC shares connections between channels alike; a child of fork() must not find its parent's.
  arguments.SetInt("ionian.process", ::getpid());
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

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(const Endpoint& endpoint, Proxy proxy) : channel_(open_channel(endpoint, proxy)) {}

  Result<void> connect(Duration timeout) override {
    const gpr_timespec deadline = deadline_after(timeout);
    grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    // A channel that failed before is in TRANSIENT_FAILURE until its next attempt begins.
    for (bool tried = false; state != GRPC_CHANNEL_READY;) {
      if (state == GRPC_CHANNEL_TRANSIENT_FAILURE && tried)
        return fail(Code::kUnavailable, "the connection failed");
      tried |= state == GRPC_CHANNEL_CONNECTING || state == GRPC_CHANNEL_IDLE;
      if (!channel_->WaitForStateChange(state, deadline))
        return fail(
            state == GRPC_CHANNEL_TRANSIENT_FAILURE ? Code::kUnavailable : Code::kDeadlineExceeded,
            "no connection came about in time");
      state = channel_->GetState(true);
    }
    return {};
  }

  WireReply unary(const WireRequest& request) override {
    grpc::ClientContext context;
    const Registered registered(*this, context);
    context.set_deadline(deadline_after(request.timeout));
    for (const auto& [name, value] : request.metadata) context.AddMetadata(name, value);
    const grpc::Slice slice(request.body);
    const grpc::ByteBuffer out(&slice, 1);
    grpc::ByteBuffer in;
    const grpc::Status status = grpc::internal::BlockingUnaryCall(
        channel_.get(),
        grpc::internal::RpcMethod(request.path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC),
        &context, out, &in);
    WireReply reply{.status = {static_cast<Code>(status.error_code()), status.error_message()},
                    .body = text_of(in),
                    .details = status.error_details(),
                    .metadata = {}};
    for (const auto* part :
         {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()})
      for (const auto& [name, value] : *part)
        reply.metadata.emplace_back(std::string(name.data(), name.size()),
                                    std::string(value.data(), value.size()));
    return reply;
  }

  void close() noexcept override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (grpc::ClientContext* context : active_) context->TryCancel();
  }

 private:
  // A call that close() can reach while it lives.
  class Registered {
   public:
    Registered(GrpcTransport& transport, grpc::ClientContext& context)
        : transport_(transport), context_(context) {
      const std::lock_guard lock(transport_.mutex_);
      transport_.active_.insert(&context_);
      if (transport_.closed_) context_.TryCancel();
    }
    ~Registered() {
      const std::lock_guard lock(transport_.mutex_);
      transport_.active_.erase(&context_);
    }

   private:
    GrpcTransport& transport_;
    grpc::ClientContext& context_;
  };

  std::shared_ptr<grpc::Channel> channel_;
  std::mutex mutex_;
  bool closed_ = false;                    // guarded by mutex_
  std::set<grpc::ClientContext*> active_;  // guarded by mutex_
};

}  // namespace

std::string WireReply::find(std::string_view name) const {
  for (const auto& [key, value] : metadata)
    if (key == name) return value;
  return "";
}

void allow_fork() {
  if (!::grpc_is_initialized()) grpc_core::Fork::Enable(true);
}

std::string root_certificates_path() {
  const char* chosen = std::getenv("SSL_CERT_FILE");
  return chosen && *chosen ? chosen : "/etc/ssl/certs/ca-certificates.crt";
}

std::unique_ptr<Transport> make_grpc_transport(const Endpoint& endpoint, Proxy proxy) {
  return std::make_unique<GrpcTransport>(endpoint, proxy);
}

}  // namespace ionian::client
