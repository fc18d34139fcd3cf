#include "services/context.h"

namespace ionian::services {

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
