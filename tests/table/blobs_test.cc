// What a client is told that sends bytes beside its calls, and in them.
#include <re2/re2.h>

#include <set>

#include "blobs/hash.h"
#include "modal_proto/blob.pb.h"
#include "modal_proto/sharedvolume.pb.h"
#include "outcome.h"

namespace ionian::server {
namespace {

class BlobAddressTest : public testing::Test {
 protected:
  // How long each address of an upload of so many bytes holds, to the minute.
  std::set<Duration> lives(std::int64_t length) {
    modal::client::BlobCreateRequest request;
    request.set_content_sha256_base64("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    request.set_content_length(length);
    const Time before = w.whole.clock.now();
    const std::string answer = outcome_of(w, method, w.owner, request).answer;
    std::set<Duration> found;
    re2::StringPiece rest = answer;
    for (std::int64_t ms = 0; RE2::FindAndConsume(&rest, "&exp=(\\d+)", &ms);)
      found.insert(std::chrono::round<std::chrono::minutes>(from_unix_ms(ms) - before));
    return found;
  }

  World w;
  const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, "BlobCreate"));
};

TEST_F(BlobAddressTest, OfALargeOneTheyHoldForADay) {
  EXPECT_EQ(lives(1000), std::set<Duration>{15min});
  EXPECT_EQ(lives((1LL << 30) + 1), std::set<Duration>{24h}) << "its end comes after all parts";
}

TEST(SharedVolumeData, IsWhatItsHashSays) {
  World w;
  const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, "SharedVolumePutFile"));
  modal::client::SharedVolumePutFileRequest request;
  request.set_shared_volume_id(w.a.shared_volume);
  request.set_path("/f");
  request.set_data("bytes");
  request.set_sha256_hex(blobs::sha256_hex("other bytes"));
  const std::string answer = outcome_of(w, method, w.owner, request).answer;
  EXPECT_TRUE(answer.starts_with("INVALID_ARGUMENT the sha256 of /f is ")) << answer;
  for (const std::string& hash : {blobs::sha256_hex("bytes"), std::string()}) {
    request.set_sha256_hex(hash);
    EXPECT_TRUE(outcome_of(w, method, w.owner, request).answer.starts_with("OK ")) << hash;
  }
}

}  // namespace
}  // namespace ionian::server
