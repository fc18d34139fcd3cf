#pragma once
// Uploads and downloads of blobs by signed address. Bodies are streamed; a blob exists once its
// hash and length were checked, and not before; a cut upload leaves nothing.
#include "blobs/parts.h"
#include "blobs/signed_url.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "services/context.h"

namespace ionian::gateway {

class BlobRoutes {
 public:
  // `folder`: parts of uploads under way.
  static Result<std::unique_ptr<BlobRoutes>> open(services::Context& context, std::string folder);
  Route route();
  // Of uploads whose addresses are all out of date.
  void remove_dead_parts(Time now) const { parts_.remove_idle(now - blobs::kPartUrlLife); }
  const BlobTraffic& traffic() const { return traffic_; }

 private:
  BlobRoutes(services::Context& context, blobs::PartFolder parts)
      : c_(context), parts_(std::move(parts)) {}
  void handle(Exchange& exchange);
  Result<void> get(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put_part(Exchange& exchange, const blobs::BlobRight& right);
  // Joins the parts of an upload.
  Result<void> complete(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> set_present(const blobs::BlobRight& right);

  services::Context& c_;
  const blobs::PartFolder parts_;
  BlobTraffic traffic_;
};

}  // namespace ionian::gateway
