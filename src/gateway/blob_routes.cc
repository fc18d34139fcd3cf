#include "gateway/blob_routes.h"

#include <fcntl.h>
#include <sodium.h>

#include "base/file.h"
#include "blobs/hash.h"
#include "store/blobs.h"

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

}  // namespace

Result<std::unique_ptr<BlobRoutes>> BlobRoutes::open(services::Context& context,
                                                     std::string folder) {
  TRY(remove_tree(folder));
  TRY(make_folders(folder, 0700));
  return std::unique_ptr<BlobRoutes>(new BlobRoutes(context, std::move(folder)));
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

Result<void> BlobRoutes::set_present(const blobs::BlobRight& right) {
  return c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    store::set_blob_present(tx, right.blob);
    return {};
  });
}

Result<void> BlobRoutes::put(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(check_length(exchange, right));
  const auto record = c_.store.read(
      [&](store::View& view) { return store::find_blob(view, right.workspace, right.blob); });
  if (!record) return fail(Code::kNotFound, "this blob was never announced");
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer(right.length));
  TRY(exchange.read_body([&](std::string_view piece) { return writer.write(piece); }));
  ASSIGN_OR_RETURN(const blobs::BlobInfo info,
                   writer.commit({.sha256 = record->sha256, .size = record->length}));
  TRY(set_present(right));
  traffic_.received += info.size;
  exchange.reply(200, "text/plain", "", {{"ETag", cat('"', info.md5, '"')}});
  return {};
}

std::string BlobRoutes::part_path(const blobs::BlobRight& right, int part) const {
  return cat(folder_, '/', right.blob, '.', part);
}

Result<void> BlobRoutes::put_part(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(check_length(exchange, right));
  const std::string path = part_path(right, right.part);
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return sys_fail("make a part of an upload");
  blobs::Hasher md5 = blobs::Hasher::md5();
  Result<void> received = exchange.read_body([&](std::string_view piece) {
    md5.update(piece);
    return write_all(file.get(), piece);
  });
  if (!received) {
    ::unlink(path.c_str());
    return received;
  }
  const std::string etag = md5.hex();
  TRY(write_file(path + ".md5", etag));
  traffic_.received += right.length;
  exchange.reply(200, "text/plain", "", {{"ETag", cat('"', etag, '"')}});
  return {};
}

void BlobRoutes::remove_parts_older_than(Time when) const {
  remove_files_older_than(folder_, when);
}

Result<void> BlobRoutes::complete(Exchange& exchange, const blobs::BlobRight& right) {
  TRY(exchange.read_small_body(4 << 20));
  const auto record = c_.store.read(
      [&](store::View& view) { return store::find_blob(view, right.workspace, right.blob); });
  if (!record) return fail(Code::kNotFound, "this blob was never announced");
  ASSIGN_OR_RETURN(auto writer, c_.blobs.writer(record->length));
  std::string digests, piece(1 << 20, '\0');
  for (int part = 1; part <= right.parts; ++part) {
    const std::string path = part_path(right, part);
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
      return fail(Code::kInvalidArgument, "part ", part, " of ", right.parts, " was not sent");
    ASSIGN_OR_RETURN(const std::string md5, read_file(path + ".md5"));
    digests += bytes_of_hex(md5);
    for (ssize_t n; (n = ::read(file.get(), piece.data(), piece.size())) != 0;) {
      if (n < 0) return sys_fail("read a part of an upload");
      TRY(writer.write({piece.data(), static_cast<std::size_t>(n)}));
    }
  }
  TRY(writer.commit({.sha256 = record->sha256, .size = record->length}));
  TRY(set_present(right));
  for (int part = 1; part <= right.parts; ++part) {
    ::unlink(part_path(right, part).c_str());
    ::unlink((part_path(right, part) + ".md5").c_str());
  }
  blobs::Hasher all = blobs::Hasher::md5();
  all.update(digests);
  exchange.reply(200, "application/xml",
                 cat("<CompleteMultipartUploadResult><ETag>\"", all.hex(), '-', right.parts,
                     "\"</ETag></CompleteMultipartUploadResult>"));
  return {};
}

}  // namespace ionian::gateway
