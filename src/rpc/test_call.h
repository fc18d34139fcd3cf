#pragma once
// A call without gRPC, for tests of rooms.
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <future>

#include "rpc/method.h"

namespace ionian::rpc {

class FakeCall final : public ActiveCall {
 public:
  explicit FakeCall(const Method& method) : method_(method) {}

  const Method& method() const override { return method_; }
  Call& call() override { return call_; }
  const Message& request() const override { return request_; }
  bool cancelled() const override { return gone; }
  void on_finish(std::function<void(const Result<MessagePtr>&)> seen) override {
    seen_ = std::move(seen);
  }
  void finish(Result<MessagePtr> reply) override {
    if (seen_) seen_(reply);
    done_.set_value(reply ? Status::ok_status() : reply.error());
  }
  void finish_stream(Status status) override { done_.set_value(std::move(status)); }
  // The client takes nothing until `take` is called.
  void send(std::vector<MessagePtr> batch, std::function<void()> sent) override {
    const std::size_t size = batch.size();
    sent_ = std::move(sent);
    batch_.set_value(size);
  }

  // The client writes nothing until `write` is called.
  void read_next(std::function<void()> come) override {
    come_ = std::move(come);
    read_.set_value();
  }

  // Waits for the answer, after which nothing comes from the client.
  Status answer() {
    Status answered = done_.get_future().get();
    come_ = {};
    return answered;
  }
  // Waits for the next batch of a stream and says how many messages it has.
  std::size_t batch() {
    const std::size_t size = batch_.get_future().get();
    batch_ = {};
    return size;
  }
  // The client has taken the batch.
  void take() { std::exchange(sent_, {})(); }

  // Waits until the next message is wanted.
  void wait_for_read() {
    read_.get_future().get();
    read_ = {};
  }
  // It has come.
  void write() { std::exchange(come_, {})(); }

  std::atomic<bool> gone = false;

 private:
  const Method& method_;
  Call call_;
  google::protobuf::Empty request_;
  std::promise<Status> done_;
  std::function<void(const Result<MessagePtr>&)> seen_;
  std::promise<std::size_t> batch_;
  std::function<void()> sent_;
  std::promise<void> read_;
  std::function<void()> come_;
};

}  // namespace ionian::rpc
