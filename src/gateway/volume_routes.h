#pragma once
// Blocks of volumes by signed address: those that clients send, and slices of those that they
// fetch. No block is served whose bytes are not what was stored.
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "services/context.h"
#include "services/volumes.h"
#include "volumes/block_url.h"

namespace ionian::gateway {

class VolumeRoutes {
 public:
  VolumeRoutes(services::Context& context, services::VolumeParts parts) : c_(context), p_(parts) {}
  Route route();

 private:
  void handle(Exchange& exchange);
  Result<void> get(Exchange& exchange, const volumes::BlockRight& right);
  Result<void> put(Exchange& exchange, const volumes::BlockRight& right);

  services::Context& c_;
  const services::VolumeParts p_;
};

}  // namespace ionian::gateway
