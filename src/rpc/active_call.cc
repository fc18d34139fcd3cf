#include "rpc/active_call.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <sodium.h>

#include <charconv>
#include <mutex>

#include "modal_proto/common.pb.h"

namespace ionian::rpc {
namespace {

constexpr std::size_t kSmallReply = 64 << 10;
constexpr float kWaitSeconds = 0.3F;

std::string header(const grpc::GenericCallbackServerContext& context, const char* name) {
  const auto it = context.client_metadata().find(name);
  if (it == context.client_metadata().end()) return {};
  return {it->second.data(), it->second.size()};
}

RequestHeaders read_headers(const grpc::GenericCallbackServerContext& context) {
  RequestHeaders h;
  h.client_version = header(context, "x-modal-client-version");
  h.token_id = header(context, "x-modal-token-id");
  h.token_secret = header(context, "x-modal-token-secret");
  if (const std::string given = header(context, "authorization"); given.starts_with("Bearer "))
    h.bearer = given.substr(std::string_view("Bearer ").size());
  h.idempotency_key = header(context, "x-idempotency-key");
  h.node = header(context, "x-modal-node");
  h.platform = header(context, "x-modal-platform");
  h.host = header(context, "x-modal-host");
  h.oauth = !header(context, "x-modal-oauth-client-id").empty() ||
            !header(context, "x-modal-refresh-token").empty();
  const std::string type = header(context, "x-modal-client-type");
  int number = 0;
  std::from_chars(type.data(), type.data() + type.size(), number);
  h.client_type = static_cast<ClientType>(number);
  return h;
}

std::string hash_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  (void)buffer.Dump(&slices);
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, 16);
  for (const grpc::Slice& slice : slices)
    crypto_generichash_update(&state, slice.begin(), slice.size());
  std::string out(16, '\0');
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(out.data()), out.size());
  return out;
}

// Lives until gRPC says that all is over (OnDone) and no room holds it any more.
class ReactorCall final : public grpc::ServerGenericBidiReactor,
                          public ActiveCall,
                          public OpenCall,
                          public std::enable_shared_from_this<ReactorCall> {
 public:
  ReactorCall(Pipeline& pipeline, grpc::GenericCallbackServerContext* context)
      : pipeline_(pipeline), context_(context), began_(pipeline.clock().now()) {
    pipeline_.counters().in_flight.fetch_add(1);
  }

  void begin(std::shared_ptr<ReactorCall> self) {
    self_ = std::move(self);
    path_ = context_->method();
    call_.method = path_;
    call_.peer = context_->peer();
    call_.now = began_;
    pipeline_.call_began(call_.peer);
    method_ = pipeline_.table().find(path_);
    if (!method_)
      return end_with({Code::kUnimplemented, cat(path_.substr(path_.rfind('/') + 1),
                                                 " is not served by this version of Ionian")});
    StartRead(&request_buffer_);
  }

  // gRPC's side
  // -----------------------------------------------------------------------------------------
  void OnReadDone(bool ok) override {
    if (come_) return next_came(ok);
    if (!ok) return end_with({Code::kInvalidArgument, "the call carried no request"});
    if (!count_request()) return;
    call_.headers = read_headers(*context_);
    if (Result<void> admitted = pipeline_.admit(*method_, call_); !admitted)
      return end_with(admitted.error());
    if (may_last()) pipeline_.open_calls().add(shared_from_this());
    const std::string hash =
        Pipeline::needs_one_reply(*method_, call_) ? hash_of(request_buffer_) : "";
    if (!parse()) return;
    pipeline_.dispatch(shared_from_this(), hash);
  }

  void OnWriteDone(bool ok) override {
    if (next_ < batch_.size() && ok) return write_next();
    batch_.clear();
    const std::function<void()> sent = std::exchange(sent_, {});
    move(State::kWriting, State::kIdle);
    if (sent) sent();
  }

  void OnCancel() override {
    cancelled_ = true;
    if (method_ && method_->room) method_->room->cancel(shared_from_this());
  }

  void OnDone() override {
    if (method_ && may_last()) pipeline_.open_calls().remove(this);
    pipeline_.call_ended(call_.peer);
    pipeline_.counters().in_flight.fetch_sub(1);
    pipeline_.counters().bytes_in_flight.fetch_sub(request_bytes_ + reply_bytes_);
    self_.reset();  // may delete this
  }

  // The rooms' side
  // -------------------------------------------------------------------------------------
  const Method& method() const override { return *method_; }
  Call& call() override { return call_; }
  const Message& request() const override { return *request_; }
  bool cancelled() const override { return cancelled_; }
  void on_finish(std::function<void(const Result<MessagePtr>&)> seen) override {
    seen_ = std::move(seen);
  }

  void finish(Result<MessagePtr> reply) override {
    if (!move(State::kIdle, State::kEnded)) return;
    if (seen_) std::exchange(seen_, {})(reply);
    if (!reply) return finish_now(std::move(reply).error());
    grpc::ByteBuffer buffer;
    bool own = false;
    const grpc::Status made =
        grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(**reply, &buffer, &own);
    if (!made.ok() || buffer.Length() > Pipeline::kMessageBytesMax)
      return finish_now(
          {Code::kResourceExhausted, cat("the reply is larger than a message may be (",
                                         Pipeline::kMessageBytesMax, " bytes)")});
    reply->reset();
    // What is small goes out whatever else is on its way.
    if (!count(reply_bytes_, buffer.Length()) && reply_bytes_ > kSmallReply) {
      (void)count(reply_bytes_, 0);
      return ask_to_wait("the server is sending too many large replies");
    }
    pipeline_.finished(call_, {}, began_);
    for (const auto& [name, value] : call_.reply_headers) context_->AddInitialMetadata(name, value);
    reply_buffer_.Swap(&buffer);
    StartWriteAndFinish(&reply_buffer_, {}, grpc::Status::OK);
  }

  void send(std::vector<MessagePtr> batch, std::function<void()> sent) override {
    if (cancelled_ || !move(State::kIdle, State::kWriting)) return sent();
    batch_ = std::move(batch);
    next_ = 0;
    sent_ = std::move(sent);
    write_next();
  }

  void finish_stream(Status status) override { end_with(status); }

  void read_next(std::function<void()> come) override {
    come_ = std::move(come);
    StartRead(&request_buffer_);
  }

 private:
  // Of a client stream. Its room does not touch the call in the meantime; the sweep may end it.
  void next_came(bool ok) {
    const std::function<void()> come = std::exchange(come_, {});
    if (ok && count_request() && parse()) return come();
    if (!ok) end_with({Code::kInvalidArgument, "the stream broke off before its end"});
    method_->room->cancel(shared_from_this());  // which waits for what will not come
  }

  // False: the call has ended.
  bool count_request() {
    if (count(request_bytes_, request_buffer_.Length())) return true;
    (void)count(request_bytes_, 0);
    request_buffer_.Clear();
    if (move(State::kIdle, State::kEnded))
      ask_to_wait("the server is holding too many large requests");
    return false;
  }

  // In place of what `part` was. False: that is more than there is room for.
  bool count(std::size_t& part, std::size_t now) {
    const std::uint64_t more = now - std::exchange(part, now);  // less is a wrapped number
    return pipeline_.counters().bytes_in_flight.fetch_add(more) + more <=
           pipeline_.bytes_in_flight_max();
  }

  // False: the call has ended.
  bool parse() {
    request_ = method_->make_request();
    bool parsed = false;
    {
      grpc::ProtoBufferReader reader(&request_buffer_);
      parsed = request_->ParseFromZeroCopyStream(&reader);
    }
    request_buffer_.Clear();  // a large one is not held twice
    if (parsed) return true;
    end_with({Code::kInvalidArgument,
              cat("the request is no valid ", method_->request_type->full_name())});
    return false;
  }

  void write_next() {
    reply_buffer_.Clear();
    bool own = false;
    (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(*batch_[next_++], &reply_buffer_,
                                                                   &own);
    StartWrite(&reply_buffer_);
  }

  // The sweep's side -----------------------------------------------------------------------------
  void recheck() override {
    // A container's own calls end with it; those by a token that it was given may be elsewhere.
    const bool by_token =
        call_.caller.kind == CallerKind::kToken || !call_.caller.router_task.empty();
    if (!by_token || cancelled_) return;
    Call again;
    again.headers = call_.headers;
    again.peer = call_.peer;
    const Result<void> admitted = pipeline_.admit(*method_, again);
    if (admitted) return;
    if (method_->stream && !end(admitted.error()))
      context_->TryCancel();  // a write is under way, and its reader may never take it
    if (!method_->stream) finish(std::unexpected(admitted.error()));
    OnCancel();
  }

  // What the call is at. Rooms, gRPC's threads and the sweep meet here: only who moves the state
  // out of kIdle may start the next operation.
  enum class State { kIdle, kWriting, kEnded };
  bool move(State from, State to) { return state_.compare_exchange_strong(from, to); }

  bool may_last() const { return method_->poll || method_->stream || method_->client_stream; }

  // False if the call has ended before, or a write is under way.
  bool end(const Status& status) {
    if (!move(State::kIdle, State::kEnded)) return false;
    finish_now(status);
    return true;
  }
  void end_with(const Status& status) { (void)end(status); }
  void finish_now(const Status& status, const std::string& details = "") {
    pipeline_.finished(call_, status, began_);
    Finish(grpc::Status(static_cast<grpc::StatusCode>(status.code), status.message, details));
  }
  // All official clients do so, and then ask again under the same idempotency key.
  void ask_to_wait(const std::string& why) {
    const Status status{Code::kResourceExhausted, cat(why, "; try again")};
    modal::client::RPCRetryPolicy policy;
    policy.set_retry_after_secs(kWaitSeconds);
    modal::client::RPCStatus details;
    details.set_code(static_cast<int>(status.code));
    details.set_message(status.message);
    details.add_details()->PackFrom(policy);
    finish_now(status, details.SerializeAsString());
  }

  Pipeline& pipeline_;
  grpc::GenericCallbackServerContext* const context_;
  const Time began_;
  std::shared_ptr<ReactorCall> self_;
  std::string path_;
  const Method* method_ = nullptr;
  Call call_;
  grpc::ByteBuffer request_buffer_, reply_buffer_;
  std::size_t request_bytes_ = 0, reply_bytes_ = 0;
  MessagePtr request_;
  std::function<void()> come_;  // client streams: a message is being read
  std::function<void(const Result<MessagePtr>&)> seen_;
  std::vector<MessagePtr> batch_;
  std::size_t next_ = 0;
  std::function<void()> sent_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<State> state_ = State::kIdle;
};

}  // namespace

grpc::ServerGenericBidiReactor* start_call(Pipeline& pipeline,
                                           grpc::GenericCallbackServerContext* context) {
  auto call = std::make_shared<ReactorCall>(pipeline, context);
  ReactorCall* raw = call.get();
  raw->begin(std::move(call));
  return raw;
}

}  // namespace ionian::rpc
