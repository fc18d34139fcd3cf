#pragma once
// /metrics: what the server counts, in the text form that Prometheus reads. The figures are of all
// workspaces, so they are for this machine's own programs, and for managers of the first workspace
// with a token.
#include <atomic>

#include "gateway/gateway.h"
#include "rpc/pipeline.h"
#include "services/context.h"
#include "worker/worker.h"

namespace ionian::gateway {

// Bytes of blobs that went through the gateway.
struct BlobTraffic {
  std::atomic<std::uint64_t> received = 0, sent = 0;
};

class Metrics {
 public:
  Metrics(services::Context& context, const BlobTraffic& blobs, const worker::Worker& worker,
          Time started)
      : c_(context), blobs_(blobs), worker_(worker), started_(started) {}
  Route route();
  // The pipeline comes later than the listener; until then its figures are missing.
  void connect(const rpc::Pipeline& pipeline) { pipeline_.store(&pipeline); }

 private:
  void handle(Exchange& exchange);
  Result<void> check(const Exchange& exchange);
  std::string text(Exchange& exchange);

  services::Context& c_;
  const BlobTraffic& blobs_;
  const worker::Worker& worker_;
  const Time started_;
  std::atomic<const rpc::Pipeline*> pipeline_ = nullptr;
};

}  // namespace ionian::gateway
