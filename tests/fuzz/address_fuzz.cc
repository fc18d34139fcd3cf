// Any bytes as the target of an HTTP request, and as the body of a form: reading them ends; an
// address of a blob is valid as it was signed and in no other spelling, for no other method, caller
// or time.
#include <sodium.h>

#include <cstdint>
#include <cstdlib>

#include "base/percent.h"
#include "blobs/hash.h"
#include "blobs/signed_url.h"
#include "gateway/pages/visit.h"

namespace {

void require(bool held) {
  if (!held) std::abort();
}

std::string sign(std::string_view text) {
  return ionian::blobs::sha256_hex("a key of this test" + std::string(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian;
  const std::string text(reinterpret_cast<const char*>(data), size);
  require(percent_decoded(text).size() <= text.size());
  (void)gateway::pages::parse_form(text);

  const Time now = from_unix_ms(1'750'000'000'000);
  require(!blobs::check_target("GET", text, "", now, sign));
  const blobs::BlobRight right{.method = "GET",
                               .workspace = WorkspaceId("ac-1"),
                               .blob = BlobId("bl-1"),
                               .length = 3,
                               .side = "ta-1",
                               .expires = now + 1min};
  const std::string given = blobs::signed_target(right, sign);
  require(blobs::check_target("GET", given, "ta-1", now, sign).has_value());
  require(!blobs::check_target("PUT", given, "ta-1", now, sign));
  require(!blobs::check_target("GET", given, "ta-2", now, sign));
  require(!blobs::check_target("GET", given, "ta-1", now + 1min, sign));
  if (text.empty()) return 0;
  const std::size_t at = data[0] % given.size();
  std::string spelt = given;
  spelt.insert(at, text);
  require(!blobs::check_target("GET", spelt, "ta-1", now, sign));
  spelt = given;
  spelt.replace(at, std::min(text.size(), spelt.size() - at), text.substr(0, spelt.size() - at));
  require(spelt == given || !blobs::check_target("GET", spelt, "ta-1", now, sign));
  return 0;
}
