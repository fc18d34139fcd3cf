#include "volumes/block_url.h"

#include "base/same_secret.h"
#include "blobs/query.h"

namespace ionian::volumes {

std::string signed_target(const BlockRight& r, const blobs::Signer& sign) {
  const std::string plain =
      cat(kBlockPrefix, r.workspace, '/', blobs::to_hex(r.content), "?number=", r.number,
          "&block=", blobs::to_hex(r.block), "&from=", r.from, "&len=", r.length,
          "&exp=", to_unix_ms(r.expires));
  return cat(plain, "&sig=", sign(cat(r.method, ' ', r.side, ' ', plain)));
}

Result<BlockRight> check_target(std::string_view method, std::string_view target,
                                std::string_view side, Time now, const blobs::Signer& sign) {
  const auto refuse = [](std::string_view why) {
    return fail(Code::kPermissionDenied, "this address of a block is not valid: ", why);
  };
  if (!target.starts_with(kBlockPrefix)) return refuse("it names no block");
  const std::string_view path = target.substr(kBlockPrefix.size());
  const std::size_t slash = path.find('/'), mark = path.find('?');
  if (slash == std::string_view::npos || mark == std::string_view::npos || slash > mark)
    return refuse("it is incomplete");
  const std::string_view content = path.substr(slash + 1, mark - slash - 1);
  const blobs::Query query = blobs::query_of(path.substr(mark + 1));
  const auto block = query.find("block");
  const std::string hash = block == query.end() ? "" : block->second;
  if (!blobs::is_sha256_hex(content) || (!hash.empty() && !blobs::is_sha256_hex(hash)))
    return refuse("it is incomplete");
  const BlockRight r{.method = std::string(method),
                     .workspace = WorkspaceId(std::string(path.substr(0, slash))),
                     .content = from_hex(content),
                     .number = blobs::number_of<std::uint64_t>(query, "number"),
                     .block = from_hex(hash),
                     .from = blobs::number_of<std::uint64_t>(query, "from"),
                     .length = blobs::number_of<std::uint64_t>(query, "len"),
                     .side = std::string(side),
                     .expires = from_unix_ms(blobs::number_of<std::int64_t>(query, "exp"))};
  // Written anew and compared whole: no field is without a signature.
  if (!same_secret(target, signed_target(r, sign)))
    return refuse("its signature does not fit this method, block and caller");
  if (r.expires <= now) return refuse("it has expired; ask for a new one");
  return r;
}

}  // namespace ionian::volumes
