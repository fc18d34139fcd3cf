#include "gateway/blob_routes.h"

#include <fcntl.h>
#include <sodium.h>

#include "blobs/hash.h"

namespace ionian::gateway {
namespace {

Result<void> check_length(const Exchange& exchange, const blobs::BlobRight& right) {
  const auto length = exchange.content_length();
  if (length && *length == right.length) return {};
  return fail(Code::kInvalidArgument, "this address takes exactly ", right.length, " bytes");
}

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes(hex.size() / 2, '\0');
  std::size_t size = 0;
  sodium_hex2bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), hex.data(),
                 hex.size(), nullptr, &size, nullptr);
  return bytes;
}

// What `work` gives. Meanwhile this thread serves others.
template <class T>
Result<T> done_in(Pool& pool, Exchange& exchange, const std::function<Result<T>()>& work) {
  Result<T> given = fail(Code::kUnavailable, "too many uploads wait for their end");
  exchange.wait_for(pool, [&] { given = work(); });
  return given;
}

}  // namespace

Result<std::unique_ptr<BlobRoutes>> BlobRoutes::open(services::Context& context,
                                                     std::string folder) {
  ASSIGN_OR_RETURN(blobs::PartFolder parts, blobs::PartFolder::open_folder(std::move(folder)));
  return std::unique_ptr<BlobRoutes>(new BlobRoutes(context, std::move(parts)));
}

Route BlobRoutes::route() {
  return {.prefix = "/blobs/",
          .handle = [this](Exchange& exchange) { handle(exchange); },
          .inside = true};
}

void BlobRoutes::handle(Exchange& exchange) {
  const auto sign = [this](std::string_view text) { return c_.key.sign(text); };
  const auto right = blobs::check_target(exchange.method(), exchange.target(), exchange.side(),
                                         c_.clock.now(), sign);
  Result<void> done = right ? Result<void>() : std::unexpected(right.error());
  if (right && right->method == "GET") done = get(exchange, *right);
  if (right && right->method == "PUT")
    done = right->part ? put_part(exchange, *right) : put(exchange, *right);
  if (right && right->method == "POST") done = complete(exchange, *right);
  if (!done) exchange.reply_error(done.error());
}

Result<void> BlobRoutes::get(Exchange& exchange, const blobs::BlobRight& right) {
  const auto record = c_.store.read(
      [&](store::View& view) { return store::find_blob(view, right.workspace, right.blob); });
  if (!record || !record->present) return fail(Code::kNotFound, "this blob is no longer here");
  ASSIGN_OR_RETURN(const blobs::OpenBlob blob, c_.blobs.open(record->sha256));
  TRY(exchange.read_body([](std::string_view) { return Result<void>(); }));
  exchange.reply_file(blob.fd.get(), blob.size);
  traffic_.sent += blob.size;
  return {};
}

Result<blobs::BlobInfo> BlobRoutes::commit(blobs::BlobStore::Writer& writer,
                                           const store::BlobRecord& record) {
  ASSIGN_OR_RETURN(const blobs::BlobInfo info,
                   writer.commit({.sha256 = record.sha256, .size = record.length}));
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    store::set_blob_present(tx, record.id);
    return {};
  }));
  return info;
}

Result<void> BlobRoutes::put(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(check_length(exchange, right));
  const auto record = c_.store.read(
      [&](store::View& view) { return store::find_blob(view, right.workspace, right.blob); });
  if (!record) return fail(Code::kNotFound, "this blob was never announced");
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer(right.length));
  TRY(exchange.read_body([&](std::string_view piece) { return writer.write(piece); }));
  ASSIGN_OR_RETURN(const blobs::BlobInfo info, done_in<blobs::BlobInfo>(commits_, exchange, [&] {
                     return commit(writer, *record);
                   }));
  traffic_.received += info.size;
  exchange.reply(200, "text/plain", "", {{"ETag", cat('"', info.md5, '"')}});
  return {};
}

Result<void> BlobRoutes::put_part(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(check_length(exchange, right));
  ASSIGN_OR_RETURN(auto writer, parts_.writer(right.blob, right.part));
  TRY(exchange.read_body([&](std::string_view piece) { return writer.write(piece); }));
  ASSIGN_OR_RETURN(const std::string md5, writer.commit());
  traffic_.received += right.length;
  exchange.reply(200, "text/plain", "", {{"ETag", cat('"', md5, '"')}});
  return {};
}

Result<void> BlobRoutes::complete(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(exchange.read_small_body(4 << 20));
  const auto record = c_.store.read(
      [&](store::View& view) { return store::find_blob(view, right.workspace, right.blob); });
  if (!record) return fail(Code::kNotFound, "this blob was never announced");
  ASSIGN_OR_RETURN(const std::string etag, done_in<std::string>(joins_, exchange, [&] {
                     return join(*record, right.parts);
                   }));
  exchange.reply(200, "application/xml",
                 cat("<CompleteMultipartUploadResult><ETag>\"", etag,
                     "\"</ETag></CompleteMultipartUploadResult>"));
  return {};
}

Result<std::string> BlobRoutes::join(const store::BlobRecord& record, int parts) {
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer(record.length));
  std::string digests, piece(1 << 20, '\0');
  for (int part = 1; part <= parts; ++part) {
    const auto sent = parts_.open(record.id, part);
    if (!sent && sent.error().code == Code::kNotFound)
      return fail(Code::kInvalidArgument, "part ", part, " of ", parts, " was not sent");
    if (!sent) return std::unexpected(sent.error());
    digests += bytes_of_hex(sent->md5);
    for (ssize_t n; (n = ::read(sent->fd.get(), piece.data(), piece.size())) != 0;) {
      if (n < 0) return sys_fail("read a part of an upload");
      if (stopping_) return fail(Code::kUnavailable, "the server is stopping");
      TRY(writer.write({piece.data(), static_cast<std::size_t>(n)}));
    }
  }
  TRY(commit(writer, record));
  parts_.remove(record.id, parts);
  blobs::Hasher all = blobs::Hasher::md5();
  all.update(digests);
  return cat(all.hex(), '-', parts);
}

}  // namespace ionian::gateway
