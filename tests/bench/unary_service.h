#pragma once
// The least that a C++ gRPC server can be: every method is unary, and its handler gets the bytes
// and answers when it likes, on any thread.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <atomic>
#include <functional>
#include <memory>

namespace ionian::bench {

class UnaryCall final : public grpc::ServerGenericBidiReactor {
 public:
  using Handler = std::function<void(std::shared_ptr<UnaryCall>)>;

  static grpc::ServerGenericBidiReactor* start(const Handler& handler,
                                               grpc::GenericCallbackServerContext* context) {
    std::shared_ptr<UnaryCall> call(new UnaryCall(handler, context->method()));
    UnaryCall* raw = call.get();
    raw->self_ = std::move(call);
    raw->StartRead(&raw->request_);
    return raw;
  }

  const std::string& method() const { return method_; }
  bool cancelled() const { return cancelled_; }
  grpc::ByteBuffer& request_bytes() { return request_; }

  template <class Request>
  Request request() {
    Request message;
    grpc::ProtoBufferReader reader(&request_);
    if (!message.ParseFromZeroCopyStream(&reader)) std::abort();
    return message;
  }

  void reply(const google::protobuf::Message& message) {
    bool own = false;
    (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message,
                                                                                     &reply_, &own);
    if (!ended_.exchange(true)) StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
  }
  void reply(const grpc::ByteBuffer& bytes) {
    reply_ = bytes;
    if (!ended_.exchange(true)) StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
  }
  void refuse(grpc::StatusCode code, const std::string& why) {
    if (!ended_.exchange(true)) Finish({code, why});
  }

 private:
  UnaryCall(const Handler& handler, std::string method)
      : handler_(handler), method_(std::move(method)) {}

  void OnReadDone(bool ok) override {
    if (!ok) return refuse(grpc::StatusCode::INVALID_ARGUMENT, "the call carried no request");
    handler_(self_);
  }
  void OnCancel() override {
    cancelled_ = true;
    refuse(grpc::StatusCode::CANCELLED, "the client has gone");
  }
  void OnDone() override { self_.reset(); }

  const Handler& handler_;
  const std::string method_;
  std::shared_ptr<UnaryCall> self_;
  grpc::ByteBuffer request_, reply_;
  std::atomic<bool> cancelled_ = false, ended_ = false;
};
using UnaryCallPtr = std::shared_ptr<UnaryCall>;

class UnaryService final : public grpc::CallbackGenericService {
 public:
  explicit UnaryService(UnaryCall::Handler handler) : handler_(std::move(handler)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return UnaryCall::start(handler_, context);
  }

 private:
  const UnaryCall::Handler handler_;
};

}  // namespace ionian::bench
