#include "outcome.h"

namespace ionian::server {

using google::protobuf::Message;

namespace {

class Capture final : public rpc::Emitter {
 public:
  void emit(rpc::MessagePtr message) override { text += message->ShortDebugString() + ";"; }
  std::string text;
};

std::string describe(const rpc::Method& method, rpc::Call& call, const Message& request,
                     void* state) {
  const auto status_text = [](const Status& s) { return cat(code_name(s.code), ' ', s.message); };
  if (method.stream) {
    Capture out;
    const rpc::StreamAnswer ended = method.stream(call, request, state, out);
    return cat(out.text, ended ? status_text(*ended) : "waits");
  }
  const rpc::Answer answer = method.handle(call, request, state);
  if (!answer) return "waits";
  return *answer ? cat("OK ", (**answer)->ShortDebugString()) : status_text(answer->error());
}

}  // namespace

Outcome outcome_of(World& w, const rpc::Method& method, const rpc::Caller& who,
                   const Message& request) {
  rpc::Call call;
  call.method = method.path;
  call.access = method.access;
  call.caller = who;
  call.now = w.whole.clock.now();
  // What the server remembers of an answer must not be told from what it had to look up.
  w.whole.access.forget();
  const std::uint64_t before = w.whole.store->statements_run();
  Outcome outcome;
  services::Slow slow;
  switch (static_cast<const NamedRoom&>(*method.room).where) {
    case Where::kWrite:
      // Undone each time, so that one walk does not change what the next one finds.
      (void)w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
        outcome.answer = describe(method, call, request, &tx);
        return fail(Code::kAborted, "the walk keeps nothing");
      });
      break;
    case Where::kRead:
      outcome.answer = w.whole.store->read(
          [&](store::View& view) { return describe(method, call, request, &view); });
      break;
    case Where::kCore:
      outcome.answer = describe(method, call, request, &w.whole.core);
      break;
    case Where::kLogs:
      outcome.answer = describe(method, call, request, &w.whole.logs);
      break;
    case Where::kExecs:
      outcome.answer = describe(method, call, request, &w.whole.execs);
      break;
    case Where::kFlows:
      outcome.answer = describe(method, call, request, &w.whole.handlers.flows);
      break;
    case Where::kTakes:
      outcome.answer = describe(method, call, request, &w.whole.handlers.takes);
      break;
    case Where::kData:
      outcome.answer = describe(method, call, request, &w.whole.handlers.takes.watched());
      break;
    case Where::kSlow:
    case Where::kVolumes:
      outcome.answer = describe(method, call, request, &slow);
      break;
    case Where::kInline:
      outcome.answer = describe(method, call, request, nullptr);
      break;
  }
  outcome.statements = w.whole.store->statements_run() - before;
  return outcome;
}

}  // namespace ionian::server
