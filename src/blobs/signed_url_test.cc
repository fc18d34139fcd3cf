#include "blobs/signed_url.h"

#include <gtest/gtest.h>

#include "blobs/hash.h"

namespace ionian::blobs {
namespace {

const Signer kSign = [](std::string_view text) { return blobs::sha256_hex(cat("key", text)); };
const Time kNow{1'800'000'000s};

BlobRight right() {
  return {.method = "PUT",
          .workspace = WorkspaceId("ac-1"),
          .blob = BlobId("bl-2"),
          .length = 7,
          .expires = kNow + kUrlLife};
}

TEST(SignedUrl, GivesBackWhatWasSigned) {
  const auto got = check_target("PUT", signed_target(right(), kSign), "", kNow, kSign);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->blob, BlobId("bl-2"));
  EXPECT_EQ(got->length, 7u);
}

TEST(SignedUrl, IsBoundToMethodSideTimeAndEveryField) {
  const std::string target = signed_target(right(), kSign);
  EXPECT_FALSE(check_target("GET", target, "", kNow, kSign));
  EXPECT_FALSE(check_target("PUT", target, "ta-1", kNow, kSign));
  EXPECT_FALSE(check_target("PUT", target, "", kNow + kUrlLife, kSign));
  for (std::size_t i = 0; i < target.size(); ++i) {
    std::string changed = target;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(check_target("PUT", changed, "", kNow, kSign)) << changed;
  }
  EXPECT_FALSE(check_target("PUT", "/blobs/", "", kNow, kSign));
  EXPECT_FALSE(check_target("PUT", "/blobs/a?/b", "", kNow, kSign));
}

}  // namespace
}  // namespace ionian::blobs
