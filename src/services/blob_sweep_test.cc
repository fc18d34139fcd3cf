#include "services/blob_sweep.h"

#include "modal_proto/mount.pb.h"
#include "store/blobs.h"
#include "store/images.h"
#include "store/store_fixture.h"
#include "store/volumes.h"
#include "store/workspaces.h"

namespace ionian::services {
namespace {

class BlobSweepTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    blobs_.emplace(*blobs::BlobStore::open_folder(folder_ / "blobs", clock_));
    write([&](store::Tx& tx) {
      for (const WorkspaceId& workspace : {kWorkspace, kOther})
        store::insert_workspace(
            tx, {.id = workspace, .name = workspace.str(), .image_builder_version = ""},
            clock_.now());
    });
  }
  // What an upload leaves.
  std::string upload(const std::string& id, const std::string& bytes,
                     const WorkspaceId& workspace = kWorkspace) {
    const blobs::BlobInfo info = *blobs_->put(bytes);
    write([&](store::Tx& tx) {
      store::insert_blob(tx,
                         {.id = BlobId(id),
                          .workspace = workspace,
                          .sha256 = info.sha256,
                          .length = info.size,
                          .present = true},
                         clock_.now());
    });
    return info.sha256;
  }
  // What MountPutFile leaves.
  std::string send(const std::string& bytes) {
    const std::string sha256 = blobs_->put(bytes)->sha256;
    write([&](store::Tx& tx) { store::note_sent_file(tx, kWorkspace, sha256); });
    return sha256;
  }
  bool has_record(const std::string& id, const WorkspaceId& workspace = kWorkspace) {
    return store_
        ->read([&](store::View& view) { return store::find_blob(view, workspace, BlobId(id)); })
        .has_value();
  }
  bool was_sent(const std::string& sha256) {
    return store_->read(
        [&](store::View& view) { return store::was_sent(view, kWorkspace, sha256); });
  }
  void sweep() { sweep_blobs(*store_, *blobs_, oldest_calls_, clock_.now()); }

  inline static const WorkspaceId kWorkspace{"ac-1"}, kOther{"ac-2"};
  FakeClock clock_;
  std::unordered_map<WorkspaceId, Time> oldest_calls_;
  std::optional<blobs::BlobStore> blobs_;
};

TEST_F(BlobSweepTest, ABlobStaysForEightDays) {
  const std::string bytes = upload("bl-1", "a result");
  clock_.advance(8 * 24h - 1min);
  sweep();
  EXPECT_TRUE(has_record("bl-1") && blobs_->exists(bytes));
  clock_.advance(2min);
  sweep();
  EXPECT_FALSE(has_record("bl-1") || blobs_->exists(bytes));
}

TEST_F(BlobSweepTest, AndAsLongAsAnOlderCallIsNotOver) {
  oldest_calls_[kWorkspace] = clock_.now();
  clock_.advance(1h);
  const std::string waits = upload("bl-1", "of an input that waits");
  const std::string other = upload("bl-2", "of somebody else", kOther);
  clock_.advance(30 * 24h);
  sweep();
  EXPECT_TRUE(has_record("bl-1") && blobs_->exists(waits));
  EXPECT_FALSE(has_record("bl-2", kOther) || blobs_->exists(other));
  oldest_calls_[kWorkspace] = clock_.now() - 1h;
  sweep();
  EXPECT_FALSE(has_record("bl-1") || blobs_->exists(waits));
}

TEST_F(BlobSweepTest, BytesOfTwoBlobsStayWithTheYoungerOne) {
  const std::string bytes = upload("bl-1", "the same");
  clock_.advance(5 * 24h);
  upload("bl-2", "the same", kOther);
  clock_.advance(4 * 24h);
  sweep();
  EXPECT_FALSE(has_record("bl-1"));
  EXPECT_TRUE(has_record("bl-2", kOther) && blobs_->exists(bytes));
}

TEST_F(BlobSweepTest, WhatWasSentForNoMountGoesAfterADayAndCountsAsNeverSent) {
  const std::string unused = send("for nobody"), used = send("looked for"), kept = send("mounted");
  modal::client::MountGetOrCreateRequest mount;
  mount.add_files()->set_sha256_hex(kept);
  write([&](store::Tx& tx) {
    store::insert_mount(tx,
                        {.id = MountId("mo-1"),
                         .workspace = kWorkspace,
                         .checksum = "c",
                         .files = mount.SerializeAsString()},
                        clock_.now());
  });
  clock_.advance(23h);
  sweep();
  EXPECT_TRUE(was_sent(unused) && blobs_->exists(unused));
  EXPECT_TRUE(blobs_->touch(used));
  clock_.advance(2h);
  sweep();
  EXPECT_FALSE(was_sent(unused) || blobs_->exists(unused));
  EXPECT_TRUE(was_sent(used) && blobs_->exists(used));
  clock_.advance(1000h);
  sweep();
  EXPECT_FALSE(was_sent(used) || blobs_->exists(used));
  EXPECT_TRUE(was_sent(kept) && blobs_->exists(kept));
}

}  // namespace
}  // namespace ionian::services
