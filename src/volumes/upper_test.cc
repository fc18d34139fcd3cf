// What a container changes in a volume, in a real overlay, and what of it comes into the records.
#include "volumes/upper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

namespace fs = std::filesystem;

class UpperTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    layers_ = *Layers::open_folder(folder_ / "layers", *store_, *contents_, pool_,
                                   [](std::string path) { EXPECT_TRUE(remove_tree(path)); });
  }
  void TearDown() override {
    overlaid_.reset();
    stack_ = {};
    layers_.reset();
    VolumeFixture::TearDown();
  }

  // The container goes on, on the newest version.
  void mount() {
    overlaid_.reset();
    stack_ = *layers_->stack_of(kWorkspace, kVolume);
    overlaid_ = std::make_unique<Overlaid>(new_folder(), stack_.paths());
    seen_ = {};
  }
  // After it the records say what the container sees. How many changes there were.
  std::size_t commit() {
    Contents::Batch files = batch();
    const auto changes = scan_upper({overlaid_->upper(), stack_.paths()}, files, seen_);
    EXPECT_TRUE(changes.has_value());
    EXPECT_TRUE(change(files, *changes));
    EXPECT_EQ(recorded(), tree_in(overlaid_->merged()));
    return changes->size();
  }
  // Twice: what a commit brought, and what the next container gets.
  void commit_and_mount() {
    commit();
    const std::string seen = tree_in(overlaid_->merged());
    mount();
    EXPECT_EQ(tree_in(overlaid_->merged()), seen);
  }

  fs::path in(const std::string& path) const { return overlaid_->merged() + "/" + path; }
  void write(const std::string& path, const std::string& bytes) {
    fs::create_directories(in(path).parent_path());
    ASSERT_TRUE(write_file(in(path), bytes));
  }

  Pool pool_{1, 100};
  std::unique_ptr<Layers> layers_;
  Stack stack_;
  std::unique_ptr<Overlaid> overlaid_;
  Seen seen_;
};

TEST_F(UpperTest, WhatIsWrittenComesIntoTheRecordsOnce) {
  mount();
  write("a/b/f", "one");
  write("empty", "");
  fs::create_symlink("../nowhere", in("a/l"));
  fs::create_hard_link(in("a/b/f"), in("second name"));
  ASSERT_EQ(::chmod(in("a/b/f").c_str(), 0640), 0);
  ASSERT_EQ(::mkfifo(in("pipe").c_str(), 0600), 0);
  {
    Contents::Batch files = batch();
    const auto changes = scan_upper({overlaid_->upper(), stack_.paths()}, files, seen_);
    ASSERT_TRUE(changes && change(files, *changes));
  }
  EXPECT_EQ(recorded(),
            "a/\na/b/\na/b/f=one\na/l -> ../nowhere\nempty=\nsecond name=one\n");  // no pipe
  const auto entry = store_->read(
      [](store::View& view) { return store::find_volume_entry(view, kVolume, "second name"); });
  EXPECT_EQ(entry->mode, 0640U);
  fs::remove(in("pipe"));
  EXPECT_EQ(commit(), 0U);
  write("a/b/f", "two, and longer");
  EXPECT_EQ(commit(), 2U) << "one file under two names";
  ASSERT_EQ(::chmod(in("empty").c_str(), 0600), 0);
  EXPECT_EQ(commit(), 1U);
}

TEST_F(UpperTest, WhatTheVolumeHadIsRemoved) {
  put("f", "1");
  put("d/e/g", "2");
  put("d/h", "3");
  change({link("l", "f")});
  mount();
  fs::remove(in("f"));
  fs::remove(in("l"));
  fs::remove(in("d/h"));
  EXPECT_EQ(commit(), 4U) << "three removals, and the folder of one";
  EXPECT_EQ(recorded(), "d/\nd/e/\nd/e/g=2\n");
  fs::remove_all(in("d"));
  commit_and_mount();
  EXPECT_EQ(recorded(), "");
  write("d/new", "4");
  commit_and_mount();
  EXPECT_EQ(recorded(), "d/\nd/new=4\n");
}

// The volume has no such file, so that the kernel leaves no trace of its removal.
TEST_F(UpperTest, WhatWasCommittedAndThenRemovedGoes) {
  put("stays", "0");
  mount();
  write("tmp", "1");
  write("d/e/f", "2");
  write("d/g", "3");
  fs::create_symlink("tmp", in("l"));
  commit();
  fs::remove(in("tmp"));
  fs::remove(in("l"));
  fs::remove_all(in("d/e"));
  commit();
  EXPECT_EQ(recorded(), "d/\nd/g=3\nstays=0\n");
  fs::rename(in("d/g"), in("d/h"));
  commit();
  fs::rename(in("d"), in("moved"));
  commit();
  EXPECT_EQ(recorded(), "moved/\nmoved/h=3\nstays=0\n");
  fs::remove_all(in("moved"));
  write("moved", "a file now");
  commit();
  fs::remove(in("moved"));
  write("moved/again", "4");
  commit();
  fs::remove_all(in("moved"));
  EXPECT_EQ(commit(), 2U);
  EXPECT_EQ(commit(), 0U) << "it is told once";
  EXPECT_EQ(recorded(), "stays=0\n");
}

TEST_F(UpperTest, FilesFoldersAndLinksTakeEachOthersPlace) {
  put("x/deep/f", "1");
  put("y", "2");
  mount();
  fs::remove_all(in("x"));
  write("x", "a file");
  fs::remove(in("y"));
  write("y/inside", "3");
  commit();
  EXPECT_EQ(recorded(), "x=a file\ny/\ny/inside=3\n");
  // Back, in the same overlay and in the next.
  fs::remove(in("x"));
  write("x/other", "4");
  fs::remove_all(in("y"));
  fs::create_symlink("x", in("y"));
  commit_and_mount();
  EXPECT_EQ(recorded(), "x/\nx/other=4\ny -> x\n");
  fs::remove(in("y"));
  fs::create_directory(in("y"));
  fs::remove_all(in("x"));
  fs::create_directory_symlink("y", in("x"));
  commit_and_mount();
  EXPECT_EQ(recorded(), "x -> y\ny/\n");
}

TEST_F(UpperTest, AFolderMadeAnewHidesTheFormerOne) {
  put("d/a", "1");
  put("d/sub/b", "2");
  mount();
  fs::remove_all(in("d"));
  write("d/sub/c", "3");
  commit_and_mount();
  EXPECT_EQ(recorded(), "d/\nd/sub/\nd/sub/c=3\n");
  // And once more, after it was committed and filled.
  write("d/a", "4");
  commit();
  fs::remove_all(in("d"));
  fs::create_directory(in("d"));
  commit_and_mount();
  EXPECT_EQ(recorded(), "d/\n");
}

TEST_F(UpperTest, ARenamedFolderTakesItsContentsAlong) {
  put("d/a", "1");
  put("d/sub/b", "2");
  put("d/sub/c", "3");
  change({link("d/l", "a")});
  mount();
  fs::rename(in("d"), in("e"));
  fs::remove(in("e/sub/b"));
  write("e/sub/c", "changed");
  write("e/new", "4");
  commit();
  EXPECT_EQ(recorded(), "e/\ne/a=1\ne/l -> a\ne/new=4\ne/sub/\ne/sub/c=changed\n");
  // Within it, and away again; another folder takes its name.
  fs::rename(in("e/sub"), in("top"));
  fs::rename(in("e"), in("top/e"));
  write("e/other", "5");
  commit_and_mount();
  EXPECT_EQ(recorded(),
            "e/\ne/other=5\ntop/\ntop/c=changed\ntop/e/\ntop/e/a=1\ntop/e/l -> a\n"
            "top/e/new=4\n");
}

// The mark of a removal looks like one that was told before, of another folder by this name.
TEST_F(UpperTest, WhatIsRemovedInRenamedFoldersOfOneNameStaysAway) {
  for (const std::string folder : {"a/", "b/", "c/"}) {
    put(folder + "x", folder);
    put(folder + "sub/y", folder);
  }
  mount();
  for (const std::string folder : {"a", "b", "c"}) {
    fs::remove_all(in("d"));
    fs::rename(in(folder), in("d"));
    fs::remove(in("d/x"));
    fs::remove(in("d/sub/y"));
    commit();
  }
  commit_and_mount();
  EXPECT_EQ(recorded(), "d/\nd/sub/\n");
}

TEST_F(UpperTest, ManyLayersBelowAreSeenAsOne) {
  mount();
  write("d/keep", "1");
  write("d/goes", "2");
  write("d/sub/old", "3");
  commit_and_mount();
  fs::remove(in("d/goes"));
  write("d/more", "4");
  commit_and_mount();
  fs::remove_all(in("d/sub"));
  write("d/sub", "a file");
  commit_and_mount();
  fs::remove(in("d/sub"));
  write("d/sub/new", "5");
  commit_and_mount();
  ASSERT_EQ(stack_.layers.size(), 5U);
  std::string found;
  for (const Below& below : list_lowers(stack_.paths(), "d")) found += below.entry.path + " ";
  EXPECT_EQ(found, "keep more sub sub/new ");
  EXPECT_TRUE(list_lowers(stack_.paths(), "d/sub/old").empty());
  EXPECT_TRUE(list_lowers(stack_.paths(), "none").empty());
  // A folder that is renamed has what all of them show.
  fs::rename(in("d"), in("e"));
  commit_and_mount();
  EXPECT_EQ(recorded(), "e/\ne/keep=1\ne/more=4\ne/sub/\ne/sub/new=5\n");
}

}  // namespace
}  // namespace ionian::volumes
