#pragma once
// One RPC, bound: its name, who may call it, where it runs, and the handler with its types erased,
// so that 285 methods cost 285 small functions and not 285 copies of the pipeline.
#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/call.h"

namespace ionian::rpc {

using google::protobuf::Message;
using MessagePtr = std::unique_ptr<Message>;

// A handler's answer: a reply, an error, or nothing yet.
using Answer = std::optional<Result<MessagePtr>>;

// Where a stream's handler puts its messages. It is called again only when all of them have gone
// out, so a slow reader holds back nobody but itself.
class Emitter {
 public:
  virtual ~Emitter() = default;
  virtual void emit(MessagePtr message) = 0;
};

// The messages of one step.
class Batch final : public Emitter {
 public:
  void emit(MessagePtr message) override { messages.push_back(std::move(message)); }
  std::vector<MessagePtr> messages;
};

// A stream's step: emits what there is, then says whether it is over (with which status) or waits.
using StreamAnswer = std::optional<Status>;

class Room;

struct Method {
  std::string path;
  Access access;
  Room* room = nullptr;
  std::function<MessagePtr()> make_request;
  // Exactly one of the two is set. `room_state` is what the room hands out: a transaction, the
  // core, …
  std::function<Answer(Call&, const Message&, void* room_state)> handle;
  std::function<StreamAnswer(Call&, const Message&, void* room_state, Emitter&)> stream;
  bool poll = false;           // `handle` may answer "not yet"
  bool client_stream = false;  // and is called for each message, until it answers
  const google::protobuf::Descriptor* request_type = nullptr;
  const google::protobuf::Descriptor* reply_type = nullptr;
};

// A call on its way through the pipeline. Rooms hold it; `finish` may be called from any thread,
// once.
class ActiveCall {
 public:
  virtual ~ActiveCall() = default;
  virtual const Method& method() const = 0;
  virtual Call& call() = 0;
  virtual const Message& request() const = 0;  // of a client stream, the message that came last
  virtual bool cancelled() const = 0;
  virtual void finish(Result<MessagePtr> reply) = 0;
  // `seen` is shown the answer just before it goes out. Set before the call reaches its room.
  virtual void on_finish(std::function<void(const Result<MessagePtr>&)> seen) = 0;
  // Streams: sends `batch`, then calls `sent` once the client has taken it.
  virtual void send(std::vector<MessagePtr> batch, std::function<void()> sent) = 0;
  virtual void finish_stream(Status status) = 0;
  // Client streams: takes the next message from the wire, which holds the client back until then,
  // and calls `come` when it is there. A stream that ends instead ends the call.
  virtual void read_next(std::function<void()> come) = 0;
};
using ActiveCallPtr = std::shared_ptr<ActiveCall>;

// Runs the handler. An exception of a library we use becomes INTERNAL here, and nowhere else.
Answer call_handler(ActiveCall& active, void* room_state);
StreamAnswer call_stream_handler(ActiveCall& active, void* room_state, Emitter& out);

// A place where handlers run, with the state that only they may touch.
class Room {
 public:
  virtual ~Room() = default;
  virtual void run(ActiveCallPtr call) = 0;
  // Handlers here change nothing, so that a repeated call may simply run again.
  virtual bool only_reads() const { return false; }
  // The client has gone: a call that waits here must be dropped.
  virtual void cancel(const ActiveCallPtr& call) { (void)call; }
};

}  // namespace ionian::rpc
