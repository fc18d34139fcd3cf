#include "services/blobs.h"

#include <sodium.h>

#include "blobs/hash.h"
#include "container/netns.h"
#include "store/blobs.h"

namespace ionian::services {
namespace {

// Hex of a base64 sha256; "" if it is none.
std::string hex_of_base64(const std::string& base64) {
  unsigned char bytes[32];
  std::size_t size = 0;
  if (sodium_base642bin(bytes, sizeof bytes, base64.data(), base64.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != 32)
    return "";
  return blobs::to_hex({reinterpret_cast<const char*>(bytes), size});
}

}  // namespace

std::string address_for(const Context& c, const rpc::Call& call, std::string_view target) {
  if (!call.caller.task.empty())
    return cat("http://", container::kLocalAddress, ':', Blobs::kInsidePort, target);
  return cat(Context::url_for(call.headers, c.public_url, c.http_is_wildcard), target);
}

Result<store::BlobRecord> present_blob(store::View& view, const rpc::Call& call,
                                       const std::string& id) {
  auto blob = store::find_blob(view, call.caller.workspace, BlobId(id));
  if (!blob || !blob->present) return fail(Code::kNotFound, "blob '", id, "' not found");
  return *std::move(blob);
}

Result<store::BlobRecord> blob_of_file(const Context& c, const rpc::Call& call,
                                       const std::string& id,
                                       std::optional<std::string_view> sha256) {
  ASSIGN_OR_RETURN(store::BlobRecord blob,
                   c.store.read([&](store::View& view) { return present_blob(view, call, id); }));
  if (sha256 && blob.sha256 != *sha256)
    return fail(Code::kInvalidArgument, "blob '", id, "' has another sha256 than the file");
  return blob;
}

Result<std::string> keep_blob(const Context& c, const rpc::Call& call,
                              const blobs::BlobInfo& info) {
  const store::BlobRecord record{.id = BlobId::make(c.random, call.now),
                                 .workspace = call.caller.workspace,
                                 .sha256 = info.sha256,
                                 .length = info.size};
  TRY(c.store.write_now([&](store::Tx& tx) -> Result<void> {
    store::insert_blob(tx, record, call.now);
    store::set_blob_present(tx, record.id);
    return {};
  }));
  return record.id.str();
}

void Blobs::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("BlobCreate", &Blobs::create);
  on("BlobGet", &Blobs::get, rpc::Access::kView);
}

std::string Blobs::address_of(const rpc::Call& call, blobs::BlobRight right) const {
  right.side = call.caller.task.str();
  right.expires = call.now + blobs::life_of(right);
  return address_for(c_, call, blobs::signed_target(right, [this](std::string_view text) {
                       return c_.key.sign(text);
                     }));
}

Result<modal::client::BlobCreateResponse> Blobs::create(
    rpc::Call& call, const modal::client::BlobCreateRequest& request, store::Tx& tx) {
  const std::string sha256 = hex_of_base64(request.content_sha256_base64());
  if (sha256.empty())
    return fail(Code::kInvalidArgument, "content_sha256_base64 is no base64 of a sha256");
  const std::int64_t length = request.content_length();
  if (length < 0 || length > kBlobMax)
    return fail(Code::kInvalidArgument, "a blob has 0 to ", kBlobMax, " bytes, not ", length);
  const store::BlobRecord record{.id = BlobId::make(c_.random, call.now),
                                 .workspace = call.caller.workspace,
                                 .sha256 = sha256,
                                 .length = static_cast<std::uint64_t>(length)};
  store::insert_blob(tx, record, call.now);

  modal::client::BlobCreateResponse reply;
  reply.set_blob_id(record.id.str());
  reply.add_blob_ids(record.id.str());
  blobs::BlobRight right{
      .method = "PUT", .workspace = record.workspace, .blob = record.id, .length = record.length};
  if (length <= kSinglePutMax) {
    const std::string url = address_of(call, right);
    reply.set_upload_url(url);
    reply.mutable_upload_urls()->add_items(url);
    return reply;
  }
  modal::client::MultiPartUpload parts;
  parts.set_part_length(kPartBytes);
  const int count = static_cast<int>((length + kPartBytes - 1) / kPartBytes);
  for (right.part = 1; right.part <= count; ++right.part) {
    right.length =
        static_cast<std::uint64_t>(std::min(kPartBytes, length - (right.part - 1) * kPartBytes));
    parts.add_upload_urls(address_of(call, right));
  }
  parts.set_completion_url(address_of(call, {.method = "POST",
                                             .workspace = record.workspace,
                                             .blob = record.id,
                                             .length = record.length,
                                             .parts = count}));
  *reply.mutable_multipart() = parts;
  *reply.mutable_multiparts()->add_items() = parts;
  return reply;
}

Result<modal::client::BlobGetResponse> Blobs::get(rpc::Call& call,
                                                  const modal::client::BlobGetRequest& request,
                                                  store::View& view) {
  ASSIGN_OR_RETURN(const store::BlobRecord blob, present_blob(view, call, request.blob_id()));
  modal::client::BlobGetResponse reply;
  reply.set_download_url(address_of(
      call,
      {.method = "GET", .workspace = blob.workspace, .blob = blob.id, .length = blob.length}));
  return reply;
}

}  // namespace ionian::services
