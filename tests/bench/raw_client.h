#pragma once
// Unary calls by messages, over one connection, with the headers that official clients send.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <string>

namespace ionian::bench {

// One clock for the machine and its containers.
inline double now_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class RawClient {
 public:
  // `number` tells connections apart; gRPC shares those that look the same.
  RawClient(const std::string& address, std::string id, std::string secret, int number)
      : id_(std::move(id)), secret_(std::move(secret)), stub_(channel(address, number)) {}

  // `done` runs on a thread of gRPC, and may call again.
  template <class Reply, class Request>
  void call(const char* method, const Request& request, std::function<void(const Reply&)> done) {
    auto one = std::make_unique<One>();
    one->context.AddMetadata("x-modal-token-id", id_);
    one->context.AddMetadata("x-modal-token-secret", secret_);
    one->context.AddMetadata("x-modal-client-version", "1.6.4");
    one->context.AddMetadata("x-modal-client-type", "1");
    one->context.AddMetadata(
        "x-idempotency-key",
        std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "-" + std::to_string(++keys_));
    bool own = false;
    (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(
        request, &one->request, &own);
    One* raw = one.release();
    const std::string path = std::string("/modal.client.ModalClient/") + method;
    stub_.UnaryCall(&raw->context, path, {}, &raw->request, &raw->reply,
                    [raw, method, done = std::move(done)](const grpc::Status& status) {
                      const std::unique_ptr<One> owned(raw);
                      Reply reply;
                      if (status.ok()) {
                        grpc::ProtoBufferReader reader(&owned->reply);
                        if (reply.ParseFromZeroCopyStream(&reader)) return done(reply);
                      }
                      std::fprintf(stderr, "%s: %s\n", method, status.error_message().c_str());
                      std::_Exit(1);
                    });
  }

  // The same, waited for.
  template <class Reply, class Request>
  Reply wait(const char* method, const Request& request) {
    std::promise<Reply> reply;
    call<Reply>(method, request, [&](const Reply& got) { reply.set_value(got); });
    return reply.get_future().get();
  }

 private:
  struct One {
    grpc::ClientContext context;
    grpc::ByteBuffer request, reply;
  };
  static std::shared_ptr<grpc::Channel> channel(const std::string& address, int number) {
    grpc::ChannelArguments own;
    own.SetInt("bench.number", number);
    own.SetMaxReceiveMessageSize(100 << 20);
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), own);
  }

  const std::string id_, secret_;
  grpc::GenericStub stub_;
  std::atomic<long> keys_ = 0;
};

}  // namespace ionian::bench
