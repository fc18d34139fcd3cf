// What became of a build, where the disk is full at its end.
#include "modal_proto/image.pb.h"
#include "outcome.h"

namespace ionian::server {
namespace {

class BuildEndTest : public testing::Test {
 protected:
  void sql(store::Sql text) {
    ASSERT_TRUE(w.whole.store->write_now([&](store::Tx& tx) -> Result<void> {
      tx.db().run(text);
      return {};
    }));
  }
  std::string answer(const std::string& name, const google::protobuf::Message& request) {
    const rpc::Method& method = *w.whole.table.find(cat(rpc::Table::kModal, name));
    return outcome_of(w, method, w.owner, request).answer;
  }
  // Asks until the build's thread is done.
  std::string end_of(const std::string& image) {
    modal::client::ImageJoinStreamingRequest request;
    request.set_image_id(image);
    request.set_timeout(55);
    std::string said = "waits";
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         said == "waits" && std::chrono::steady_clock::now() < until; std::this_thread::yield())
      said = answer("ImageJoinStreaming", request);
    return said;
  }
  std::string state_of(const std::string& image) {
    const auto record = w.whole.store->read(
        [&](store::View& view) { return store::find_image(view, w.workspace_a, ImageId(image)); });
    return record->state == store::ImageState::kBuilding ? "building" : record->error;
  }

  World w;
};

TEST_F(BuildEndTest, IsToldAlthoughItIsNotWrittenAndWrittenLater) {
  sql("CREATE TRIGGER full BEFORE UPDATE ON images BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  for (const bool good : {false, true}) {
    modal::client::ImageGetOrCreateRequest request;
    request.set_app_id(w.a.app);
    request.mutable_image()->add_dockerfile_commands("FROM base");
    if (!good) request.mutable_image()->add_dockerfile_commands("COOK it");
    auto& base = *request.mutable_image()->add_base_images();
    base.set_docker_tag("base");
    base.set_image_id(w.a.image);
    const std::string reply = answer("ImageGetOrCreate", request);
    const std::size_t at = reply.find("im-");
    ASSERT_NE(at, reply.npos) << reply;
    const std::string image = reply.substr(at, reply.find('"', at) - at);
    const std::string why = good ? "disk full" : "COOK";
    const std::string said = end_of(image);
    EXPECT_NE(said.find("GENERIC_STATUS_FAILURE"), said.npos) << said;
    EXPECT_NE(said.find(why), said.npos) << said;
    EXPECT_EQ(state_of(image), "building");

    if (good) sql("DROP TRIGGER full");
    // By then the end of the first one is due once more.
    const Time then = w.whole.clock.now() + (good ? 2min : 1min);
    const auto again = w.whole.images.write_again(then);
    EXPECT_TRUE(again && *again > then);
    sql("SELECT 1");  // what was written before is done
    EXPECT_EQ(end_of(image).find("GENERIC_STATUS_SUCCESS") != std::string::npos, good);
    EXPECT_EQ(state_of(image), good ? "" : "building");
    if (good) {
      EXPECT_FALSE(w.whole.images.write_again(then));
    }
  }
}

}  // namespace
}  // namespace ionian::server
