#include "rpc/pipeline.h"

#include "base/log.h"

namespace ionian::rpc {
namespace {

std::string_view short_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool allowed(Access access, CallerKind kind) {
  switch (access) {
    case Access::kAnonymous: return true;
    case Access::kClient: return kind == CallerKind::kToken || kind == CallerKind::kTask;
    case Access::kContainer: return kind == CallerKind::kTask;
    case Access::kOwner: return kind == CallerKind::kOwner;
  }
  return false;
}

}  // namespace

Result<void> Pipeline::admit(const Method& method, Call& call) {
  if (method.access == Access::kAnonymous) return {};
  if (call.headers.oauth)
    return fail(Code::kUnauthenticated,
                "this server takes token pairs only: OAuth credentials need a third-party issuer. "
                "Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, or run `modal setup`");
  ASSIGN_OR_RETURN(call.caller, authenticator_.authenticate(call.headers, call.peer));
  if (allowed(method.access, call.caller.kind)) return {};
  if (call.caller.kind == CallerKind::kAnonymous)
    return fail(Code::kUnauthenticated,
                "no credentials came with the call. Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, or run "
                "`modal setup` or `modal token set`");
  return fail(Code::kPermissionDenied, short_name(method.path),
              method.access == Access::kContainer
                  ? " is for the code inside a container"
                  : " is for the owner of the data folder, on the server's own machine");
}

void Pipeline::dispatch(ActiveCallPtr active, const std::string& request_hash) {
  const Method& method = active->method();
  const Call& call = active->call();
  if (call.headers.idempotency_key.empty() || method.stream) return method.room->run(active);

  const std::string key = cat(call.caller.token, '\n', call.caller.task, '\n', method.path, '\n',
                              call.headers.idempotency_key);
  const auto repeat = [active](const IdempotentReplies::Outcome& outcome) {
    if (!outcome) return active->finish(std::unexpected(outcome.error()));
    const google::protobuf::Message* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(
            active->method().reply_type);
    MessagePtr reply(prototype->New());
    CHECK(reply->ParseFromString(*outcome));
    active->finish(std::move(reply));
  };
  switch (replies_.claim(key, request_hash, repeat)) {
    case IdempotentReplies::Claim::kRepeated: return;
    case IdempotentReplies::Claim::kConflict:
      return active->finish(fail(Code::kInvalidArgument, "the idempotency key of this ",
                                 short_name(method.path),
                                 " came before with another request; use a fresh key"));
    case IdempotentReplies::Claim::kFirst: break;
  }
  active->on_finish([this, key](const Result<MessagePtr>& reply) {
    if (reply)
      replies_.complete(key, (*reply)->SerializeAsString());
    else
      replies_.complete(key, std::unexpected(reply.error()));
  });
  method.room->run(active);
}

void Pipeline::finished(const Call& call, const Status& status, Time began) {
  counters_.calls.fetch_add(1, std::memory_order_relaxed);
  if (!status.ok()) counters_.failures.fetch_add(1, std::memory_order_relaxed);
  const double ms = std::chrono::duration<double, std::milli>(clock_.now() - began).count();
  // Polls that a client gave up are ordinary; a status that blames the server is not.
  const bool ours = status.code == Code::kInternal || status.code == Code::kUnknown;
  if (ours)
    log::warning(short_name(call.method), ' ', code_name(status.code), ": ", status.message);
  else if (log::enabled(log::Level::kDebug))
    log::debug(short_name(call.method), ' ', code_name(status.code), ' ', ms, " ms ", call.peer,
               status.ok() ? "" : ": ", status.message);
}

}  // namespace ionian::rpc
