// What containers write to volumes where it cannot be committed for a while.
#include "volumes/mounts.h"

#include "base/pool.h"
#include "store/deleted.h"
#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

// Shows a container nothing: what it writes is put into its overlay's upper by the test.
class NoContainer final : public Exchanger {
 public:
  Result<void> exchange(const TaskId&, const Overlay& overlay) override {
    if (before) before();
    latest = overlay;
    EXPECT_TRUE(make_folders(overlay.upper, 0755));
    return {};
  }
  std::function<void()> before;
  Overlay latest;
};

class MountsTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    layers_ = *Layers::open_folder(folder_ / "layers", *store_, *contents_, pool_, remove_);
    mounts_ = *Mounts::open_folder(folder_ / "mounted",
                                   {.store = *store_,
                                    .contents = *contents_,
                                    .layers = *layers_,
                                    .clock = clock_,
                                    .pool = pool_,
                                    .remove = remove_,
                                    .limits = {}},
                                   0ns);
    mounts_->connect(container_);
    container_.latest = mounts_
                            ->prepare(kTask, {{.volume = kVolume,
                                               .workspace = kWorkspace,
                                               .target = "/data",
                                               .background_commits = true}})
                            ->front();
    ASSERT_TRUE(make_folders(container_.latest.upper, 0755));
  }
  void TearDown() override {
    mounts_.reset();
    layers_.reset();
    VolumeFixture::TearDown();
  }
  void write_in_container(const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(write_file(container_.latest.upper + '/' + name, bytes));
  }
  // As a full disk does: nothing can be stored until it is there again.
  void take_disk_away() {
    std::filesystem::rename(folder_ / "volumes", folder_ / "away");
    EXPECT_TRUE(write_file(folder_ / "volumes", "no folder"));
  }
  void give_disk_back() {
    std::filesystem::remove(folder_ / "volumes");
    std::filesystem::rename(folder_ / "away", folder_ / "volumes");
  }
  void end_container() {
    mounts_->ended(kTask);
    // A pool of one thread: what it was given before is done.
    std::promise<void> done;
    pool_.post([&] { done.set_value(); });
    done.get_future().wait();
  }

  inline static const TaskId kTask{"ta-1"};
  const std::function<void(std::string)> remove_ = [](const std::string& folder) {
    EXPECT_TRUE(remove_tree(folder));
  };
  FakeClock clock_;
  Pool pool_{1, 100};
  NoContainer container_;
  std::unique_ptr<Layers> layers_;
  std::unique_ptr<Mounts> mounts_;
};

TEST_F(MountsTest, WhatCouldNotBeCommittedAtTheEndIsCommittedLater) {
  write_in_container("a", "last words");
  take_disk_away();
  end_container();
  mounts_->commit_all();
  EXPECT_EQ(recorded(), "");
  give_disk_back();
  mounts_->commit_all();
  EXPECT_EQ(recorded(), "a=last words\n");
  EXPECT_EQ(tree_in(folder_ / "mounted"), "");
}

TEST_F(MountsTest, ADeletedVolumeWantsNothingMore) {
  write_in_container("a", "last words");
  write([&](store::Tx& tx) { store::remove_object(tx, kVolume); });
  end_container();
  EXPECT_EQ(tree_in(folder_ / "mounted"), "");
}

// Only those that ask hear that it was deleted: nobody else could say what is to become of the
// rest.
TEST_F(MountsTest, WhatIsWrittenToADeletedVolumeComesBackWithIt) {
  write([&](store::Tx& tx) {
    store::delete_object(tx, *store::find_object(tx, kWorkspace, "volume", kVolume), {.life = 1h},
                         now_);
  });
  write_in_container("a", "last words");
  const Result<void> asked = mounts_->commit(kTask, kVolume);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Code::kNotFound);
  EXPECT_EQ(recorded(), "");
  take_disk_away();
  end_container();
  mounts_->commit_all();
  give_disk_back();
  mounts_->commit_all();
  EXPECT_EQ(tree_in(folder_ / "mounted"), "");
  write([&](store::Tx& tx) { store::put_back(tx, *store::find_deleted(tx, kVolume), now_); });
  EXPECT_EQ(recorded(), "a=last words\n");
}

TEST_F(MountsTest, ItIsGivenUpAfterAnHour) {
  write_in_container("a", "last words");
  take_disk_away();
  end_container();
  clock_.advance(59min);
  mounts_->commit_all();
  EXPECT_NE(tree_in(folder_ / "mounted"), "");
  clock_.advance(1min);
  mounts_->commit_all();
  EXPECT_EQ(tree_in(folder_ / "mounted"), "");
  give_disk_back();
}

TEST_F(MountsTest, StragglersOfAReloadAreCommittedLaterAndBeforeWhatCameSince) {
  write_in_container("a", "1");
  container_.before = [&] {
    write_in_container("a", "2");
    write_in_container("straggler", "3");
    take_disk_away();
  };
  EXPECT_FALSE(mounts_->reload(kTask, kVolume)) << "it says that something is not committed";
  container_.before = {};
  write_in_container("a", "4");
  EXPECT_FALSE(mounts_->commit(kTask, kVolume));
  give_disk_back();
  EXPECT_TRUE(mounts_->commit(kTask, kVolume));
  EXPECT_EQ(recorded(), "a=4\nstraggler=3\n");
}

}  // namespace
}  // namespace ionian::volumes
