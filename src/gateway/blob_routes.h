#pragma once
// Uploads and downloads of blobs by signed address. Bodies are streamed; a blob exists once its
// hash and length were checked, and not before; a cut upload leaves nothing.
#include "base/pool.h"
#include "blobs/parts.h"
#include "blobs/signed_url.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "services/context.h"
#include "store/blobs.h"

namespace ionian::gateway {

class BlobRoutes {
 public:
  // `folder`: parts of uploads under way.
  static Result<std::unique_ptr<BlobRoutes>> open(services::Context& context, std::string folder);
  Route route();
  // Of uploads whose addresses are all out of date.
  void remove_dead_parts(Time now) const { parts_.remove_idle(now - blobs::kPartUrlLife); }
  const BlobTraffic& traffic() const { return traffic_; }
  // The server stops: who is in the middle of joining parts does not go on.
  void stop() { stopping_ = true; }

 private:
  BlobRoutes(services::Context& context, blobs::PartFolder parts)
      : c_(context), parts_(std::move(parts)) {}
  void handle(Exchange& exchange);
  Result<void> get(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put_part(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> complete(Exchange& exchange, const blobs::BlobRight& right);
  // These block, on the disk above all: not for a thread of the gateway.
  Result<blobs::BlobInfo> commit(blobs::BlobStore::Writer& writer, const store::BlobRecord& record);
  // Joins the parts of an upload. Gives its ETag.
  Result<std::string> join(const store::BlobRecord& record, int parts);

  services::Context& c_;
  const blobs::PartFolder parts_;
  BlobTraffic traffic_;
  std::atomic<bool> stopping_ = false;
  // Large uploads take minutes to join: the others do not wait for that.
  Pool commits_{4, 10'000}, joins_{2, 10'000};
};

}  // namespace ionian::gateway
