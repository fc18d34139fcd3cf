#include "services/mount_sweep.h"

#include <gtest/gtest.h>

#include "modal_proto/function.pb.h"
#include "store/apps.h"
#include "store/images.h"
#include "store/store_fixture.h"

namespace ionian::services {
namespace {

class MountSweepTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    blobs_.emplace(*blobs::BlobStore::open_folder(folder_ / "blobs", clock_));
    trees_.emplace(*images::MountTrees::open_folder(folder_ / "mounts", *blobs_));
    // Trees have the times of the machine's own clock.
    clock_.advance(WallClock().now() - clock_.now());
    write([&](store::Tx& tx) { insert_place(tx, kWorkspace, kEnvironment, clock_.now()); });
  }

  // A mount of one file, as MountGetOrCreate makes it; the folder of its tree.
  std::string mount(const std::string& id, const std::string& bytes, const std::string& name = "") {
    const std::vector<images::MountFile> files = {{"/f", blobs_->put(bytes)->sha256, 0100644}};
    write([&](store::Tx& tx) {
      store::insert_mount(tx,
                          {.id = MountId(id),
                           .workspace = kWorkspace,
                           .environment = name.empty() ? EnvironmentId() : kEnvironment,
                           .name = name,
                           .checksum = images::MountTrees::key_of(files)},
                          clock_.now());
    });
    return *trees_->tree_of(files);
  }
  void function(const std::string& id, const std::string& mount) {
    modal::client::Function definition;
    definition.add_mount_ids(mount);
    write([&](store::Tx& tx) {
      store::insert_app(tx, {.id = AppId("ap-" + id),
                             .workspace = kWorkspace,
                             .environment = kEnvironment,
                             .created_at = clock_.now()});
      store::insert_function(tx,
                             {.id = FunctionId(id),
                              .app = AppId("ap-" + id),
                              .tag = "f",
                              .definition_id = "de-" + id,
                              .definition = definition.SerializeAsString()},
                             clock_.now());
    });
  }
  void stop(const std::string& function) {
    write([&](store::Tx& tx) {
      store::set_app_stopped(tx, AppId("ap-" + function), kStopped, clock_.now());
    });
  }
  bool known(const std::string& id) {
    return store_
        ->read([&](store::View& view) { return store::find_mount(view, kWorkspace, MountId(id)); })
        .has_value();
  }
  static bool there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
  void sweep_after(Duration time) {
    clock_.advance(time);
    sweep_mounts(*store_, *trees_, clock_.now());
  }

  static constexpr int kStopped = 5;
  inline static const WorkspaceId kWorkspace{"ac-1"};
  inline static const EnvironmentId kEnvironment{"en-1"};
  FakeClock clock_;
  std::optional<blobs::BlobStore> blobs_;
  std::optional<images::MountTrees> trees_;
};

TEST_F(MountSweepTest, WhatNobodyHasGoesAfterAWeek) {
  const std::string tree = mount("mo-1", "bytes"), named = mount("mo-2", "others", "name");
  sweep_after(7 * 24h - 1min);
  EXPECT_TRUE(known("mo-1") && there(tree));
  write([&](store::Tx& tx) { store::note_mount_use(tx, MountId("mo-1"), clock_.now()); });
  sweep_after(2min);
  EXPECT_TRUE(known("mo-1") && there(tree)) << "somebody has asked for it";
  sweep_after(7 * 24h);
  EXPECT_FALSE(known("mo-1") || there(tree));
  EXPECT_TRUE(known("mo-2") && there(named));
}

TEST_F(MountSweepTest, AFunctionKeepsItAMonthLongerThanItsApp) {
  const std::string tree = mount("mo-1", "bytes");
  function("fu-1", "mo-1");
  sweep_after(1000 * 24h);
  EXPECT_TRUE(known("mo-1") && there(tree));
  stop("fu-1");
  sweep_after(30 * 24h);
  EXPECT_TRUE(known("mo-1") && there(tree));
  sweep_after(1s);
  EXPECT_FALSE(known("mo-1") || there(tree));
}

TEST_F(MountSweepTest, ATreeStaysWithTheLastMountThatHasIt) {
  const std::string tree = mount("mo-1", "the same");
  ASSERT_EQ(mount("mo-2", "the same"), tree);
  function("fu-2", "mo-2");
  sweep_after(8 * 24h);
  EXPECT_FALSE(known("mo-1"));
  EXPECT_TRUE(known("mo-2") && there(tree));
}

TEST_F(MountSweepTest, ATreeWithoutARecordGoesAfterADay) {
  const std::string tree =
      *trees_->tree_of({{"/f", blobs_->put("of a server that fell")->sha256, 0100644}});
  sweep_after(23h);
  EXPECT_TRUE(there(tree));
  sweep_after(2h);
  EXPECT_FALSE(there(tree));
}

}  // namespace
}  // namespace ionian::services
