// What goes off the disk and what stays.
#include "volumes/sweep.h"

#include <gtest/gtest.h>

#include "store/deleted.h"
#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

namespace fs = std::filesystem;

class SweepTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    contents_ = *Contents::open_folder(folder_ / "volumes", {.wait = 1ms});
    uploads_ = std::make_unique<Uploads>(contents_->root());
  }
  void sweep_after(Duration time) {
    sweep(*store_, *contents_, *uploads_, disk_is_short_, now_ + time);
  }
  // Until each part has had its turn.
  void sweep_all_parts() {
    for (unsigned i = 0; i < Contents::kParts; ++i) sweep_after(2h + i * 1min);
  }
  // Files of contents on the disk, of all workspaces and modes.
  std::size_t files() const {
    std::size_t found = 0;
    for (const auto& each : fs::recursive_directory_iterator(contents_->root()))
      found += each.is_regular_file() && each.path().string().find("/files/") != std::string::npos;
    return found;
  }
  bool known(const store::VolumeContent& content, const WorkspaceId& workspace = kWorkspace) {
    return store_->read([&](store::View& view) {
      const bool block =
          store::find_volume_block(view, workspace, block_of(content, 0)).has_value();
      const bool whole = store::find_volume_content(view, workspace, content.id).has_value();
      EXPECT_EQ(block, whole) << "a block is found with its content, or not at all";
      return whole;
    });
  }
  bool readable(const store::VolumeContent& content, const WorkspaceId& workspace = kWorkspace) {
    return contents_->read_block(workspace, content, 0).has_value();
  }

  std::unique_ptr<Uploads> uploads_;
  bool disk_is_short_ = false;
};

TEST_F(SweepTest, WhatNoTreeHasGoesAnHourAfterItsLastUse) {
  const auto kept = put("d/kept", "1"), replaced = put("f", "2"), removed = put("d/g", "3");
  put("f", "4");
  change({gone("d/g")});
  sweep_after(59min);
  EXPECT_EQ(files(), 4U);
  sweep_after(61min);
  EXPECT_EQ(files(), 2U);
  EXPECT_TRUE(known(kept) && readable(kept));
  EXPECT_FALSE(known(replaced) || readable(replaced));
  EXPECT_FALSE(known(removed) || readable(removed));
  EXPECT_EQ(recorded(), "d/\nd/kept=1\nf=4\n");
  sweep_after(1000h);
  EXPECT_EQ(recorded(), "d/\nd/kept=1\nf=4\n") << "what is in a tree is never too old";
}

TEST_F(SweepTest, WhatLeavesATreeGoesAnHourLaterHoweverLongItWasThere) {
  const std::vector<store::VolumeContent> left = {put("replaced", "1"),      put("removed", "2"),
                                                  put("below/removed", "3"), put("now/a/file", "4"),
                                                  put("cleared/f", "5"),     put("folder", "6")};
  const auto all_are = [&](bool there) {
    for (const store::VolumeContent& each : left)
      if (known(each) != there || readable(each) != there) return false;
    return true;
  };
  now_ += 24h;
  put("replaced", "7");
  put("now", "8");
  Change cleared = folder("cleared");
  cleared.alone = true;
  change({gone("removed"), gone("below"), cleared, folder("folder")});
  EXPECT_EQ(recorded(), "cleared/\nfolder/\nnow=8\nreplaced=7\n");
  sweep_after(59min);
  EXPECT_TRUE(all_are(true)) << "who reads them goes on";
  sweep_after(61min);
  EXPECT_TRUE(all_are(false));
}

TEST_F(SweepTest, WhereTheDiskIsShortItGoesSooner) {
  const auto kept = put("kept", "1"), removed = put("f", "2");
  now_ += 24h;
  change({gone("f")});
  disk_is_short_ = true;
  sweep_after(4min);
  EXPECT_TRUE(readable(removed));
  sweep_after(6min);
  EXPECT_FALSE(known(removed) || readable(removed));
  EXPECT_TRUE(known(kept) && readable(kept));
}

TEST_F(SweepTest, AUseIsOneMoreHour) {
  const auto content = put("f", "1");
  change({gone("f")});
  now_ += 50min;
  put("g", "1");
  change({gone("g")});
  sweep_after(30min);
  EXPECT_TRUE(known(content) && readable(content));
  sweep_after(61min);
  EXPECT_FALSE(known(content));
}

TEST_F(SweepTest, OneTreeThatHasItIsEnough) {
  make_volume("vo-2", kWorkspace);
  const auto content = put("f", "same");
  put("deep/er/g", "same", {"vo-2", kWorkspace});
  put("executable", "same", {kVolume, kWorkspace}, 0755);
  change({gone("f"), gone("executable")});
  sweep_after(2h);
  EXPECT_TRUE(known(content) && readable(content));
  {
    Contents::Batch none = batch();
    EXPECT_TRUE(change(none, {gone("deep")}, {"vo-2", kWorkspace}));
  }
  sweep_after(2h);
  EXPECT_EQ(files(), 0U);
}

TEST_F(SweepTest, AllModesOfAContentGo) {
  put("f", "same");
  put("g", "same", {kVolume, kWorkspace}, 0755);
  put("h", "same", {kVolume, kWorkspace}, 0421);
  EXPECT_EQ(files(), 3U);
  change({gone("f"), gone("g"), gone("h")});
  sweep_after(2h);
  EXPECT_EQ(files(), 0U);
}

TEST_F(SweepTest, AnotherWorkspacesFileIsItsOwn) {
  make_volume("vo-2", kOther);
  const auto content = put("f", "same");
  put("f", "same", {"vo-2", kOther});
  change({gone("f")});
  sweep_after(2h);
  EXPECT_FALSE(known(content, kWorkspace) || readable(content, kWorkspace));
  EXPECT_TRUE(known(content, kOther) && readable(content, kOther));
}

TEST_F(SweepTest, ADeletedVolumeKeepsItsBytesUntilItIsPurged) {
  const auto content = put("f", "1");
  write([&](store::Tx& tx) {
    store::delete_object(tx, *store::find_object(tx, kWorkspace, "volume", kVolume), {}, now_);
  });
  sweep_after(48h);
  EXPECT_TRUE(known(content) && readable(content));
  write([&](store::Tx& tx) { store::purge(tx, kVolume); });
  sweep_after(48h);
  EXPECT_FALSE(known(content) || readable(content));
}

TEST_F(SweepTest, AReaderKeepsWhatItStandsOn) {
  Pool pool(1, 10);
  const auto layers = *Layers::open_folder(folder_ / "layers", *store_, *contents_, pool,
                                           [](std::string path) { (void)remove_tree(path); });
  const auto content = put("f", "1");
  const Stack stack = *layers->stack_of(kWorkspace, kVolume);
  change({gone("f")});
  sweep_after(2h);
  EXPECT_FALSE(known(content) || readable(content));
  const Overlaid overlaid(new_folder(), stack.paths());
  EXPECT_EQ(tree_in(overlaid.merged()), "f=1\n");
}

TEST_F(SweepTest, NothingGoesWhileSomebodyBringsFiles) {
  const auto content = put("f", "1");
  change({gone("f")});
  {
    // It has found the bytes there and counts on them.
    Contents::Batch files = batch();
    const Change again = file(files, "g", "1");
    std::thread([this] { sweep_all_parts(); }).join();
    EXPECT_TRUE(known(content));
    ASSERT_TRUE(files.commit());
    std::thread([this] { sweep_all_parts(); }).join();
    EXPECT_TRUE(change(files, {again}));
  }
  sweep_after(2h);
  EXPECT_EQ(recorded(), "g=1\n");
  EXPECT_TRUE(readable(content));
}

TEST_F(SweepTest, WhereSomebodyAlwaysBringsFilesItWaitsForThemAndTheNextForIt) {
  contents_ = *Contents::open_folder(folder_ / "volumes", {.tries = 0, .wait = 1h});
  const auto content = put("f", "1");
  change({gone("f")});
  std::optional<Contents::Batch> first = batch();
  const auto sweeping = std::async(std::launch::async, [this] { sweep_after(2h); });
  while (!contents_->is_waited_for() && sweeping.wait_for(0s) != std::future_status::ready)
    std::this_thread::yield();
  auto was_known = std::async(std::launch::async, [&] {
    const Contents::Batch next = batch();
    return known(content);
  });
  first.reset();
  EXPECT_FALSE(was_known.get());
}

TEST_F(SweepTest, MoreThanOneRoundAreAllGone) {
  Contents::Batch files = batch();
  std::vector<Change> many;
  many.reserve(1203);
  for (int i = 0; i < 1203; ++i) many.push_back(file(files, cat("d/", i), cat("bytes ", i)));
  ASSERT_TRUE(change(files, many));
  {
    const Contents::Batch done = std::move(files);
  }
  EXPECT_EQ(this->files(), 1203U);
  change({gone("d")});
  put("stays", "bytes 7");
  sweep_after(2h);
  EXPECT_EQ(this->files(), 1U);
  EXPECT_EQ(recorded(), "stays=bytes 7\n");
}

// The server ended after the records were gone and before the files were.
TEST_F(SweepTest, WhatACutLeftBehindGoesTheNextTime) {
  const auto left = put("f", "1"), kept = put("g", "2");
  change({gone("f")});
  write([&](store::Tx& tx) { store::remove_volume_content(tx, {kWorkspace, left}); });
  ASSERT_EQ(files(), 2U);
  contents_ = *Contents::open_folder(folder_ / "volumes");
  sweep_all_parts();
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(known(kept) && readable(kept));
  // The same bytes may come again at any time.
  EXPECT_EQ(put("f", "1").id, left.id);
  EXPECT_TRUE(known(left) && readable(left));
  EXPECT_EQ(recorded(), "f=1\ng=2\n");
}

// Bytes that came before they do not belong to any record: nobody could prove that they are whole.
TEST_F(SweepTest, BytesWithoutRecordsAreReplaced) {
  const auto content = put("f", "whole");
  change({gone("f")});
  write([&](store::Tx& tx) { store::remove_volume_content(tx, {kWorkspace, content}); });
  ASSERT_TRUE(write_file(contents_->path_of(kWorkspace, content.id, 0644), "half"));
  put("f", "whole");
  EXPECT_EQ(recorded(), "f=whole\n");
  EXPECT_TRUE(readable(content));
}

TEST_F(SweepTest, WhatWasRefusedLeavesNothing) {
  Contents::Batch files = batch();
  const Change brought = file(files, "f", "1");
  EXPECT_FALSE(change(files, {brought}, {"vo-none", kWorkspace}));
  {
    const Contents::Batch done = std::move(files);
  }
  sweep_all_parts();
  EXPECT_EQ(this->files(), 0U);
}

TEST_F(SweepTest, UploadsThatNobodyGoesOnWithGo) {
  const auto begin = [this](const std::string& bytes) {
    BlockHasher hasher;
    hasher.update(bytes);
    store::VolumeContent content = hasher.finish();
    EXPECT_TRUE(uploads_->begin(kWorkspace, content, now_));
    auto block = uploads_->receive(kWorkspace, content.id, 0, block_hash(bytes));
    EXPECT_TRUE(block && block->write(bytes) && block->finish());
    return content;
  };
  const auto has = [this](const store::VolumeContent& content) {
    return uploads_->read(kWorkspace, content.id, 0, content.size).has_value();
  };
  const auto left = begin("left"), goes_on = begin("goes on");
  now_ += 20h;
  EXPECT_TRUE(uploads_->begin(kWorkspace, goes_on, now_));
  sweep_after(5h);
  EXPECT_FALSE(has(left));
  EXPECT_TRUE(has(goes_on));
}

}  // namespace
}  // namespace ionian::volumes
