#include "rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <charconv>

#include "rpc/active_call.h"
#include "rpc/tls_credentials.h"

namespace ionian::rpc {
namespace {

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(Pipeline& pipeline) : pipeline_(pipeline) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return start_call(pipeline_, context);
  }

 private:
  Pipeline& pipeline_;
};

// Connections and small messages are in gRPC's memory as well.
constexpr std::size_t kReadFactor = 2;

int ms(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

void configure(grpc::ServerBuilder& builder, const Silence& silence) {
  builder.SetMaxReceiveMessageSize(Pipeline::kMessageBytesMax);
  builder.SetMaxSendMessageSize(Pipeline::kMessageBytesMax);
  // All official clients ping every 30 s, some of them without a running call.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  // A connection whose peer has vanished without a word is closed; so is one that never speaks.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, ms(silence.asked_after));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ms(silence.answer));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, ms(silence.begin));
  // A second server on a port must fail, not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 64 << 10);
}

class GrpcServer final : public Server {
 public:
  explicit GrpcServer(Pipeline& pipeline) : service_(pipeline) {}

  Result<void> listen(const std::vector<Listener>& listeners, const Silence& silence,
                      std::size_t bytes_max) {
    grpc::ServerBuilder builder;
    configure(builder, silence);
    // What is being read is in no count yet. Where very many send large requests at once, gRPC
    // resets some of these streams, and their clients send them again.
    grpc::ResourceQuota quota("calls");
    builder.SetResourceQuota(quota.Resize(kReadFactor * bytes_max));
    builder.RegisterCallbackGenericService(&service_);
    ports_.resize(listeners.size(), 0);
    for (std::size_t i = 0; i < listeners.size(); ++i)
      builder.AddListeningPort(listeners[i].address,
                               credentials_.emplace_back(credentials(listeners[i])), &ports_[i]);
    server_ = builder.BuildAndStart();
    const bool all_bound = server_ && std::find(ports_.begin(), ports_.end(), 0) == ports_.end();
    if (all_bound) return {};
    std::string addresses;
    for (const Listener& listener : listeners)
      cat_to(addresses, addresses.empty() ? "" : ", ", listener.address);
    return fail(
        Code::kFailedPrecondition, "cannot listen on ", addresses,
        ": the address is in use or not of this machine. Choose another with --grpc HOST:PORT "
        "(port 0 takes a free one)");
  }

  int port(std::size_t n) const override { return ports_.at(n); }
  void adopt(int fd) override { grpc::AddInsecureChannelFromFd(server_.get(), fd); }
  void stop(Time deadline) override {
    server_->Shutdown(deadline);
    server_->Wait();
  }

 private:
  static std::shared_ptr<grpc::ServerCredentials> credentials(const Listener& listener) {
    if (!listener.tls) return grpc::InsecureServerCredentials();
    return tls_credentials(*listener.tls);
  }

  Service service_;
  // Asked at each handshake, so they stay for as long as the server.
  std::vector<std::shared_ptr<grpc::ServerCredentials>> credentials_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<int> ports_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Pipeline& pipeline,
                                              const std::vector<Listener>& listeners,
                                              const Silence& silence) {
  auto server = std::make_unique<GrpcServer>(pipeline);
  TRY(server->listen(listeners, silence, pipeline.bytes_in_flight_max()));
  return server;
}

}  // namespace ionian::rpc
