#include "services/context.h"

#include "services/actor.h"

namespace ionian::services {

void Context::forget_identities() const {
  identity.forget_tokens();
  access.forget();
}

void Context::audit(store::Tx& tx, const rpc::Call& call, std::string_view action, std::string_view target, std::string_view detail) const {
  services::audit(tx, actor_of(call), action, target, detail);
}

void Context::log(const std::string& stream, modal::client::TaskLogsBatch batch) const {
  log_loop.post([this, stream, batch = std::move(batch)]() mutable {
    logs.append(stream, std::move(batch));
    log_loop.notify(logs::LogStore::key(stream));
  });
}

void Context::end_log(const std::string& stream) const {
  log_loop.post([this, stream] {
    logs.end(stream);
    log_loop.notify(logs::LogStore::key(stream));
  });
}

}  // namespace ionian::services
