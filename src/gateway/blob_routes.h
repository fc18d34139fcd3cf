#pragma once
// Uploads and downloads of blobs by signed address. Bodies are streamed; a blob exists once its
// hash and length were checked, and not before; a cut upload leaves nothing.
#include "blobs/signed_url.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "services/context.h"

namespace ionian::gateway {

class BlobRoutes {
 public:
  // `folder`: parts of uploads under way. Emptied now.
  static Result<std::unique_ptr<BlobRoutes>> open(services::Context& context, std::string folder);
  Route route();
  // Parts of uploads that nobody has gone on with since then: their addresses are long out of date.
  void remove_parts_older_than(Time when) const;
  const BlobTraffic& traffic() const { return traffic_; }

 private:
  BlobRoutes(services::Context& context, std::string folder)
      : c_(context), folder_(std::move(folder)) {}
  void handle(Exchange& exchange);
  Result<void> get(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> put_part(Exchange& exchange, const blobs::BlobRight& right);
  // Joins the parts of an upload.
  Result<void> complete(Exchange& exchange, const blobs::BlobRight& right);
  Result<void> set_present(const blobs::BlobRight& right);
  std::string part_path(const blobs::BlobRight& right, int part) const;

  services::Context& c_;
  const std::string folder_;
  BlobTraffic traffic_;
};

}  // namespace ionian::gateway
