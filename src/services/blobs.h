#pragma once
// Blobs: arguments, results and files too large for a message. Bytes travel by HTTP, to signed
// addresses.
#include "blobs/signed_url.h"
#include "modal_proto/blob.pb.h"
#include "services/context.h"
#include "store/blobs.h"

namespace ionian::services {

// Where the side that asks reaches a target of the gateway: a container inside itself, a client by
// the name by which it knows the server.
std::string address_for(const Context& c, const rpc::Call& call, std::string_view target);

// One that has arrived.   errors  NOT_FOUND
Result<store::BlobRecord> present_blob(store::View& view, const rpc::Call& call,
                                       const std::string& id);
// The same, of a file.   errors  INVALID_ARGUMENT it has another hash
Result<store::BlobRecord> blob_of_file(const Context& c, const rpc::Call& call,
                                       const std::string& id,
                                       std::optional<std::string_view> sha256);

// Bytes of the server's own that the caller shall fetch: the id of a blob.
Result<std::string> keep_blob(const Context& c, const rpc::Call& call, const blobs::BlobInfo& info);

class Blobs {
 public:
  // Above this, an upload comes in parts of kPartBytes.
  static constexpr std::int64_t kSinglePutMax = 1ll << 30;
  static constexpr std::int64_t kPartBytes = 256ll << 20;
  static constexpr std::int64_t kBlobMax = 1ll << 40;
  // Of the listener inside each container: HTTP, and gRPC for the command router.
  static constexpr int kInsidePort = 8714;

  explicit Blobs(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // BlobCreate. Announces content by hash and length; says where to send it.
  //   out      both families of fields: older clients and JavaScript and Go read blob_id and
  //   upload_url, Python the lists errors   INVALID_ARGUMENT no sha256, or a length that no blob
  //   may have
  Result<modal::client::BlobCreateResponse> create(rpc::Call& call,
                                                   const modal::client::BlobCreateRequest& request,
                                                   store::Tx& tx);

  // BlobGet. Where to fetch it.   errors  NOT_FOUND, also while it has not arrived
  Result<modal::client::BlobGetResponse> get(rpc::Call& call,
                                             const modal::client::BlobGetRequest& request,
                                             store::View& view);

  std::string address_of(const rpc::Call& call, blobs::BlobRight right) const;

  Context& c_;
};

}  // namespace ionian::services
