#pragma once
// A gRPC server in the test's own process: answers every method as the test says, and keeps what
// came.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace ionian::client {

struct FakeCall {
  std::string method, body;
  std::map<std::string, std::string> headers;
};
struct FakeReply {
  grpc::Status status = grpc::Status::OK;
  std::string body = {};
  std::map<std::string, std::string> trailers = {};
};

class FakeServer : public grpc::CallbackGenericService {
 public:
  using Answer = std::function<FakeReply(const FakeCall&)>;
  // Listens at "127.0.0.1:0" unless told otherwise.
  explicit FakeServer(Answer answer, const std::string& address = "127.0.0.1:0")
      : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeServer() override { stop(); }
  void stop() {
    if (server_) server_->Shutdown(gpr_inf_past(GPR_CLOCK_REALTIME));
    server_.reset();
  }
  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<FakeCall> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  class Reactor;

  const Answer answer_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<FakeCall> calls_;  // guarded by mutex_
  std::unique_ptr<grpc::Server> server_;
};

class FakeServer::Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(FakeServer& server, grpc::GenericCallbackServerContext* context)
      : server_(server), context_(context) {
    StartRead(&in_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    FakeCall call{.method = context_->method().substr(context_->method().rfind('/') + 1),
                  .body = text_of(in_),
                  .headers = {}};
    for (const auto& [name, value] : context_->client_metadata())
      call.headers[{name.data(), name.size()}] = {value.data(), value.size()};
    {
      const std::lock_guard lock(server_.mutex_);
      server_.calls_.push_back(call);
    }
    const FakeReply reply = server_.answer_(call);
    for (const auto& [name, value] : reply.trailers) context_->AddTrailingMetadata(name, value);
    if (!reply.status.ok()) return Finish(reply.status);
    const grpc::Slice slice(reply.body);
    out_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&out_, {}, reply.status);
  }
  void OnDone() override { std::unique_ptr<Reactor>(this).reset(); }

 private:
  static std::string text_of(const grpc::ByteBuffer& bytes) {
    std::vector<grpc::Slice> slices;
    std::string out;
    if (bytes.Dump(&slices).ok())
      for (const grpc::Slice& slice : slices)
        out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return out;
  }

  FakeServer& server_;
  grpc::GenericCallbackServerContext* context_;
  grpc::ByteBuffer in_, out_;
};

inline grpc::ServerGenericBidiReactor* FakeServer::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return std::make_unique<Reactor>(*this, context).release();
}

}  // namespace ionian::client
