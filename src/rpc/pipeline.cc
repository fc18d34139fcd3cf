#include "rpc/pipeline.h"

#include "base/log.h"

namespace ionian::rpc {
namespace {

std::string_view short_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool allowed(Access access, const Caller& caller) {
  switch (access) {
    case Access::kAnonymous:
      return true;
    case Access::kView:
      return caller.kind == CallerKind::kToken || caller.kind == CallerKind::kTask;
    case Access::kClient:
      return caller.kind == CallerKind::kTask ||
             (caller.kind == CallerKind::kToken && caller.most >= EnvironmentRole::kContributor);
    case Access::kContainer:
      return caller.kind == CallerKind::kTask;
    case Access::kMember:
      return caller.kind == CallerKind::kToken;
    case Access::kUnlimited:
      return caller.kind == CallerKind::kToken && !caller.limited;
    case Access::kManager:
      return caller.kind == CallerKind::kToken && caller.role >= WorkspaceRole::kManager;
    case Access::kOwner:
      return caller.kind == CallerKind::kOwner;
  }
  return false;
}

std::string_view role_name(WorkspaceRole role) {
  switch (role) {
    case WorkspaceRole::kOwner:
      return "owner";
    case WorkspaceRole::kManager:
      return "manager";
    case WorkspaceRole::kMember:
      return "member";
    case WorkspaceRole::kService:
      return "a service user";
    case WorkspaceRole::kNone:
      return "no member";
  }
  return "?";
}

Status refusal(std::string_view name, Access access, const Caller& caller) {
  if (caller.kind == CallerKind::kAnonymous)
    return {Code::kUnauthenticated,
            "no credentials came with the call. Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, or run "
            "`modal setup` or "
            "`modal token set`"};
  std::string why;
  if (access == Access::kClient) why = " needs the role contributor; this token is a viewer";
  if (access == Access::kContainer) why = " is for the code inside a container";
  if (access == Access::kUnlimited && caller.kind == CallerKind::kToken)
    why = " needs a token that may do all that its owner may; this one is limited";
  else if (access == Access::kMember || access == Access::kUnlimited)
    why = " is for people and service users with a token, not for containers";
  if (access == Access::kManager)
    why = cat(" needs the role manager in this workspace; you are ", role_name(caller.role));
  if (access == Access::kOwner)
    why = " is for the owner of the data folder, on the server's own machine";
  return {Code::kPermissionDenied, cat(name, why)};
}

}  // namespace

Result<void> Pipeline::admit(const Method& method, Call& call) {
  call.access = method.access;
  if (method.access == Access::kAnonymous) return {};
  if (call.headers.oauth)
    return fail(Code::kUnauthenticated,
                "this server takes token pairs only: OAuth credentials need a third-party issuer. "
                "Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, or run `modal setup`");
  ASSIGN_OR_RETURN(call.caller, authenticator_.authenticate(call.headers, call.peer));
  if (!call.caller.router_task.empty() && !method.path.starts_with(Table::kRouter))
    return fail(Code::kUnauthenticated, "this token is for the command router of container ",
                call.caller.router_task, " only");
  if (allowed(method.access, call.caller)) return {};
  return std::unexpected(refusal(short_name(method.path), method.access, call.caller));
}

// Reads and streams give a repeated call what there is now. The polls that a viewer may call read.
bool Pipeline::needs_one_reply(const Method& method, const Call& call) {
  const bool reads = method.room->only_reads() || (method.poll && method.access == Access::kView);
  return !call.headers.idempotency_key.empty() && !method.stream && !method.client_stream && !reads;
}

void Pipeline::dispatch(ActiveCallPtr active, const std::string& request_hash) {
  const Method& method = active->method();
  Call& call = active->call();
  if (!needs_one_reply(method, call)) return method.room->run(active);

  const std::string key = cat(call.caller.token, '\n', call.caller.task, '\n', method.path, '\n',
                              call.headers.idempotency_key);
  call.reply_key = key;
  call.request_hash = request_hash;
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
    case IdempotentReplies::Claim::kRepeated:
      return;
    case IdempotentReplies::Claim::kConflict:
      return active->finish(fail(Code::kInvalidArgument, "the idempotency key of this ",
                                 short_name(method.path),
                                 " came before with another request; use a fresh key"));
    case IdempotentReplies::Claim::kFirst:
      break;
  }
  active->on_finish([this, key](const Result<MessagePtr>& reply) {
    if (reply)
      replies_.complete(key, (*reply)->SerializeAsString());
    else
      replies_.complete(key, std::unexpected(reply.error()));
  });
  method.room->run(active);
}

void Pipeline::each_count(
    const std::function<void(std::string_view method, Code code, std::uint64_t)>& seen) const {
  for (const auto& [path, method] : table_.methods()) {
    const ByCode& by_code = counts_.at(path);
    for (std::size_t code = 0; code < by_code.size(); ++code)
      if (const std::uint64_t count = by_code[code].load(std::memory_order_relaxed))
        seen(short_name(path), static_cast<Code>(code), count);
  }
}

void Pipeline::finished(const Call& call, const Status& status, Time began) {
  counters_.calls.fetch_add(1, std::memory_order_relaxed);
  if (!status.ok()) counters_.failures.fetch_add(1, std::memory_order_relaxed);
  const auto code = static_cast<std::size_t>(status.code);
  if (const auto of = counts_.find(call.method); of != counts_.end() && code < of->second.size())
    of->second[code].fetch_add(1, std::memory_order_relaxed);
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
