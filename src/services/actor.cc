#include "services/actor.h"
#include "store/audit.h"

namespace ionian::services {

std::string address_of(const std::string& peer) {
  if (peer.starts_with("unix:")) return "unix";
  const std::size_t from = peer.find(':') + 1, to = peer.rfind(':');
  std::string address = to > from ? peer.substr(from, to - from) : peer;
  if (address.starts_with("%5B") && address.ends_with("%5D"))
    address = address.substr(3, address.size() - 6);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  return address;
}

Actor actor_of(const rpc::Call& call) {
  const rpc::Caller& caller = call.caller;
  return {.workspace = caller.workspace,
          .principal = caller.kind == rpc::CallerKind::kOwner ? "owner" : caller.principal,
          .token = caller.token,
          .role = caller.role,
          .limited = caller.limited,
          .source = address_of(call.peer),
          .now = call.now};
}

void audit(store::Tx& tx, const Actor& actor, std::string_view action, std::string_view target,
           std::string_view detail) {
  store::append_audit(tx, {.at = actor.now,
                           .workspace = actor.workspace,
                           .actor = actor.principal,
                           .token = actor.token.str(),
                           .source = actor.source,
                           .action = std::string(action),
                           .target = std::string(target),
                           .detail = std::string(detail)});
}

}  // namespace ionian::services
