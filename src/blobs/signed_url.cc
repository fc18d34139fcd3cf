#include "blobs/signed_url.h"

#include "base/same_secret.h"
#include "blobs/query.h"

namespace ionian::blobs {
namespace {

constexpr std::string_view kPrefix = "/blobs/";

std::string text_of(const BlobRight& r) {
  return cat(r.method, ' ', r.workspace, ' ', r.blob, ' ', r.length, ' ', r.part, ' ', r.parts, ' ',
             r.side, ' ', to_unix_ms(r.expires));
}

}  // namespace

std::string signed_target(const BlobRight& r, const Signer& sign) {
  return cat(kPrefix, r.workspace, '/', r.blob, "?len=", r.length, "&part=", r.part,
             "&parts=", r.parts, "&exp=", to_unix_ms(r.expires), "&sig=", sign(text_of(r)));
}

Result<BlobRight> check_target(std::string_view method, std::string_view target,
                               std::string_view side, Time now, const Signer& sign) {
  const auto refuse = [](std::string_view why) {
    return fail(Code::kPermissionDenied, "this address is not valid: ", why);
  };
  const std::string_view given = target;
  if (!target.starts_with(kPrefix)) return refuse("it names no blob");
  target.remove_prefix(kPrefix.size());
  const std::size_t slash = target.find('/'), mark = target.find('?');
  if (slash == std::string_view::npos || mark == std::string_view::npos || slash > mark)
    return refuse("it is incomplete");
  const auto query = query_of(target.substr(mark + 1));
  BlobRight r{.method = std::string(method),
              .workspace = WorkspaceId(std::string(target.substr(0, slash))),
              .blob = BlobId(std::string(target.substr(slash + 1, mark - slash - 1))),
              .side = std::string(side)};
  r.length = number_of<std::uint64_t>(query, "len");
  r.part = number_of<int>(query, "part");
  r.parts = number_of<int>(query, "parts");
  r.expires = from_unix_ms(number_of<std::int64_t>(query, "exp"));
  // Written anew and compared whole: there is one way to write an address, and no field that is not
  // signed.
  const std::string wanted = signed_target(r, sign);
  const bool same = same_secret(given, wanted);
  if (!same) return refuse("its signature does not fit this method, blob and caller");
  if (r.expires <= now) return refuse("it has expired; ask for a new one");
  return r;
}

}  // namespace ionian::blobs
