#include "services/context.h"

#include "services/actor.h"

namespace ionian::services {

void Context::forget_identities() const {
  identity.forget_tokens();
  access.forget();
}

void Context::audit(store::Tx& tx, const rpc::Call& call, std::string_view action,
                    std::string_view target, std::string_view detail) const {
  services::audit(tx, actor_of(call), action, target, detail);
}

void Context::log(const std::string& stream, modal::client::TaskLogsBatch batch) const {
  constexpr std::uint64_t kOfEach = 512;  // beside its text
  const std::uint64_t bytes = batch.ByteSizeLong() + kOfEach;
  log_bytes += bytes;
  const bool taken = log_loop.post([this, stream, bytes, batch = std::move(batch)]() mutable {
    log_bytes -= bytes;
    logs.append(stream, std::move(batch));
    log_loop.notify(logs::LogStore::key(stream));
  });
  if (!taken) log_bytes -= bytes;
}

void Context::end_log(const std::string& stream) const {
  log_loop.post([this, stream] {
    logs.end(stream);
    log_loop.notify(logs::LogStore::key(stream));
  });
}

// The host that a client outside used to come here, if it is one that may stand in an address.
static std::string host_of(const std::string& header) {
  const std::string host = header.substr(0, header.rfind(':'));
  const bool clean =
      !host.empty() &&
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
          std::string::npos;
  return clean ? host : "";
}

std::string Context::url_for(const rpc::RequestHeaders& client, const std::string& own,
                             bool wildcard) {
  const std::string host = host_of(client.host);
  if (!wildcard || host.empty()) return own;
  return cat(own.substr(0, own.find("//") + 2), host, own.substr(own.rfind(':')));
}

}  // namespace ionian::services
