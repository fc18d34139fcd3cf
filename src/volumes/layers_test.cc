// Versions of a volume as stacks of layers, as the kernel shows them.
#include "volumes/layers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <set>
#include <thread>

#include "volumes/upper.h"
#include "volumes/volume_fixture.h"

namespace ionian::volumes {
namespace {

namespace fs = std::filesystem;

class LayersTest : public VolumeFixture {
 protected:
  void SetUp() override {
    VolumeFixture::SetUp();
    open();
  }
  void TearDown() override {
    layers_.reset();
    VolumeFixture::TearDown();
  }
  // As when the server starts.
  void open() {
    layers_.reset();
    layers_ = *Layers::open_folder(new_folder(), *store_, *contents_, pool_,
                                   [this](const std::string& path) {
                                     if (auto f = std::exchange(at_removal_, {})) f();
                                     const std::lock_guard lock(mutex_);
                                     removed_.insert(path);
                                     EXPECT_TRUE(remove_tree(path));
                                     if (after_removal_) std::exchange(after_removal_, {})();
                                   });
  }
  Stack stack() {
    const Result<Stack> stack = layers_->stack_of(kWorkspace, kVolume);
    EXPECT_TRUE(stack.has_value()) << stack.error().message;
    return stack.value_or(Stack{});
  }
  // The same without a mount: the paths.
  static std::string listed(const Stack& stack) {
    std::string paths;
    for (const Below& below : list_lowers(stack.paths(), "")) paths += below.entry.path + ' ';
    return paths;
  }
  std::string shown(const Stack& stack) {
    const Overlaid overlaid(new_folder(), stack.paths());
    return tree_in(overlaid.merged());
  }
  // Also what is newer than it, and what a stack made from nothing shows.
  void expect_shown(const std::string& tree) {
    EXPECT_EQ(recorded(), tree);
    EXPECT_EQ(shown(stack()), tree);
  }
  // The pool has one thread, which does things in their order.
  void wait_for_merge() {
    std::promise<void> done;
    ASSERT_TRUE(pool_.post([&done] { done.set_value(); }));
    done.get_future().wait();
  }
  // Of a thread of this process: until it sleeps, or what it is to bring is there.
  static void wait_until_it_waits(pid_t thread, const std::future<std::string>& brings) {
    const std::string stat = cat("/proc/self/task/", thread, "/stat");
    while (brings.wait_for(0s) != std::future_status::ready &&
           read_file(stat).value_or("").find(") S ") == std::string::npos)
      std::this_thread::yield();
  }
  std::size_t removed() {
    const std::lock_guard lock(mutex_);
    return removed_.size();
  }

  Pool pool_{1, 100};
  std::unique_ptr<Layers> layers_;
  std::function<void()> at_removal_;  // of the next folder
  std::mutex mutex_;
  std::set<std::string> removed_;        // guarded by mutex_
  std::function<void()> after_removal_;  // guarded by mutex_
};

TEST_F(LayersTest, EachVersionIsOneLayerMore) {
  EXPECT_EQ(stack().layers.size(), 1U) << "an empty volume has a folder too";
  put("a/f", "1");
  put("g", "2");
  const Stack first = stack();
  EXPECT_EQ(first.layers.size(), 2U) << "what nobody looked at in between is no layer";
  EXPECT_EQ(stack().layers.size(), 2U) << "nothing has changed";
  put("a/f", "longer than it was");
  put("a/h", "3");
  const Stack second = stack();
  EXPECT_EQ(second.layers.size(), 3U);
  EXPECT_GT(second.version, first.version);
  expect_shown("a/\na/f=longer than it was\na/h=3\ng=2\n");
  EXPECT_EQ(shown(first), "a/\na/f=1\ng=2\n") << "who stands on a version keeps it";
}

TEST_F(LayersTest, RemovalsHideWhatLiesBelow) {
  put("f", "1");
  put("d/e/g", "2");
  put("d/h", "3");
  const Stack before = stack();
  change({gone("f"), gone("d/e")});
  expect_shown("d/\nd/h=3\n");
  change({gone("d")});
  expect_shown("");
  // What comes back does not bring the former along.
  put("d/e/new", "4");
  put("f", "5");
  expect_shown("d/\nd/e/\nd/e/new=4\nf=5\n");
  // Removed and back between two looks.
  change({gone("d")});
  put("d/e/newer", "6");
  expect_shown("d/\nd/e/\nd/e/newer=6\nf=5\n");
  EXPECT_EQ(shown(before), "d/\nd/e/\nd/e/g=2\nd/h=3\nf=1\n");
}

// The kernel lists a mark whose folder is in no lower.
TEST_F(LayersTest, WhatCameAndWentBetweenTwoLooksLeavesNoMark) {
  put("d/f", "1");
  change({link("l", "d")});
  (void)stack();
  put("new/goes", "2");
  put("new/stays", "3");
  put("d/sub/goes", "4");
  change({gone("new/goes"), gone("d/sub/goes"), gone("l")});
  put("l/goes", "5");
  change({gone("l/goes")});
  expect_shown("d/\nd/f=1\nd/sub/\nl/\nnew/\nnew/stays=3\n");
}

// ext4 gives a file 65,000 names; the tree may have more of one content.
TEST_F(LayersTest, ContentWithoutAnotherNameLeftIsCopied) {
  const store::VolumeContent one = put("first", "the same");
  const std::string from = contents_->path_of(kWorkspace, one.id, 0644);
  const std::string names = new_folder();
  ASSERT_TRUE(make_folders(names));
  int made = 0;
  while (::link(from.c_str(), cat(names, '/', made).c_str()) == 0) ++made;
  ASSERT_EQ(errno, EMLINK) << made;
  expect_shown("first=the same\n");
  EXPECT_TRUE(remove_tree(names));
}

TEST_F(LayersTest, FilesFoldersAndLinksTakeEachOthersPlace) {
  put("x/deep/f", "1");
  put("y", "2");
  change({link("z", "x/deep")});
  (void)stack();
  put("x", "a file");
  put("y/inside", "3");
  put("z/inside", "4");
  expect_shown("x=a file\ny/\ny/inside=3\nz/\nz/inside=4\n");
  put("x/deep/other", "5");
  change({link("y", "x"), link("z", "/etc/passwd")});
  expect_shown("x/\nx/deep/\nx/deep/other=5\ny -> x\nz -> /etc/passwd\n");
  // All the way and back between two looks.
  put("x", "a file again");
  put("x/deep/third", "6");
  change({folder("y"), gone("z")});
  put("z", "7");
  expect_shown("x/\nx/deep/\nx/deep/third=6\ny/\nz=7\n");
}

TEST_F(LayersTest, AFolderMadeAnewHidesTheFormerOne) {
  put("d/a", "1");
  put("d/sub/b", "2");
  (void)stack();
  Change opaque = folder("d", 0750);
  opaque.alone = true;
  Contents::Batch files = batch();
  EXPECT_TRUE(change(files, {opaque, folder("d/sub"), file(files, "d/sub/c", "3")}));
  expect_shown("d/\nd/sub/\nd/sub/c=3\n");
}

TEST_F(LayersTest, FilesOfOneContentAreOneFile) {
  put("a", "same");
  put("d/b", "same");
  put("c", "same", {kVolume, kWorkspace}, 0755);
  (void)stack();
  put("late", "same");
  const Stack stack = this->stack();
  const auto inode = [](const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_ino;
  };
  const std::vector<std::string> at = stack.paths();
  ASSERT_EQ(at.size(), 2U);
  EXPECT_EQ(inode(at[0] + "/a"), inode(at[0] + "/d/b"));
  EXPECT_EQ(inode(at[0] + "/a"), inode(at[1] + "/late"));
  EXPECT_NE(inode(at[0] + "/a"), inode(at[0] + "/c")) << "another mode";
  // A container that writes to one of them writes to its own.
  const Overlaid overlaid(new_folder(), at);
  ASSERT_TRUE(write_file(overlaid.merged() + "/a", "changed"));
  EXPECT_EQ(tree_in(overlaid.merged()), "a=changed\nc=same\nd/\nd/b=same\nlate=same\n");
  expect_shown("a=same\nc=same\nd/\nd/b=same\nlate=same\n");
}

TEST_F(LayersTest, FoldersKeepTheirModesAndTimes) {
  Change open = folder("open", 01777);
  open.entry.mtime_ns = 1'234'567'890'123'456'789;
  change({folder("closed", 0700), open});
  put("closed/f", "1");
  const auto look = [this] {
    const Overlaid overlaid(new_folder(), stack().paths());
    struct stat closed{}, open{};
    EXPECT_EQ(::stat((overlaid.merged() + "/closed").c_str(), &closed), 0);
    EXPECT_EQ(::stat((overlaid.merged() + "/open").c_str(), &open), 0);
    EXPECT_EQ(closed.st_mode & 07777, 0700U);
    EXPECT_EQ(open.st_mode & 07777, 01777U);
    EXPECT_EQ(open.st_mtim.tv_sec * 1'000'000'000 + open.st_mtim.tv_nsec,
              1'234'567'890'123'456'789);
  };
  look();
  // Folders on the way to a change look as they did.
  put("open/g", "2");
  put("closed/sub/h", "3");
  change({gone("closed/f")});
  look();
}

TEST_F(LayersTest, ALayerGoesWithItsLastReader) {
  put("f", "1");
  Stack old = stack();
  open();
  EXPECT_EQ(removed(), 0U) << "a reader stands on it";
  put("f", "2");
  EXPECT_EQ(shown(old), "f=1\n");
  expect_shown("f=2\n");
  old = {};
  EXPECT_EQ(removed(), 1U);
  layers_->forget(kVolume);
  EXPECT_EQ(removed(), 2U);
  expect_shown("f=2\n");
}

TEST_F(LayersTest, MissingBytesAreNamed) {
  const store::VolumeContent content = put("d/f", "1");
  contents_->remove({kWorkspace, content});
  const Result<Stack> stack = layers_->stack_of(kWorkspace, kVolume);
  ASSERT_FALSE(stack.has_value());
  EXPECT_EQ(stack.error().code, Code::kDataLoss);
  EXPECT_NE(stack.error().message.find("/d/f"), std::string::npos) << stack.error().message;
  EXPECT_EQ(removed(), 1U) << "the half-made layer stays";
  EXPECT_EQ(layers_->stack_of(kWorkspace, "vo-none").error().code, Code::kNotFound);
}

TEST_F(LayersTest, AFileThatIsReplacedWhileItIsLinkedIsNotMissing) {
  const store::VolumeContent content = put("d/f", "1");
  contents_->remove({kWorkspace, content});
  // The first try has failed by then.
  after_removal_ = [this] { put("d/f", "2"); };
  EXPECT_EQ(shown(stack()), "d/\nd/f=2\n");
  expect_shown("d/\nd/f=2\n");
  EXPECT_EQ(removed(), 1U);
}

TEST_F(LayersTest, ManyLayersBecomeOne) {
  std::vector<Stack> readers;
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    put(cat("kept ", i / 10, i % 10), "k");
    put("changes", cat(i));
    put("goes/along", "g");
    readers.push_back(stack());
    change({gone("goes")});
    expected += cat("kept ", i / 10, i % 10, "=k\n");
  }
  wait_for_merge();
  const Stack merged = stack();
  EXPECT_LT(merged.layers.size(), 24U);
  expect_shown("changes=29\n" + expected);
  // Those who stand on the former layers see what they saw.
  EXPECT_EQ(shown(readers[2]), "changes=2\ngoes/\ngoes/along=g\nkept 00=k\nkept 01=k\nkept 02=k\n");
  EXPECT_EQ(shown(readers[22]).substr(0, 11), "changes=22\n");
  readers.clear();
  wait_for_merge();
  EXPECT_GE(removed(), 22U) << "nobody stands on them any more";
}

// Any changes in any order, looked at whenever, merged meanwhile, through ends of the server.
TEST_F(LayersTest, WhateverHappensIsWhatIsShown) {
  std::mt19937 random(20261123);
  const auto any = [&random](std::uint32_t below) { return static_cast<int>(random() % below); };
  const auto path = [&any] {
    std::string path = cat("n", any(3));
    for (int depth = any(4); depth > 0; --depth) path += cat("/n", any(3));
    return path;
  };
  for (int step = 0; step < 400; ++step) {
    SCOPED_TRACE(step);
    Contents::Batch files = batch();
    Change next;
    switch (any(5)) {
      case 0:
        next = gone(path());
        break;
      case 1:
        next = link(path(), path());
        break;
      case 2:
        next = folder(path());
        next.alone = any(2) == 0;
        break;
      default:
        next = file(files, path(), cat("bytes ", any(20)));
    }
    ASSERT_TRUE(change(files, {next}));
    if (any(100) == 0) open();
    if (any(3) == 0) {
      const std::string seen = shown(stack());
      ASSERT_EQ(seen, recorded());
    }
    // Else merges go on while the tree changes.
    if (any(10) == 0) wait_for_merge();
  }
  wait_for_merge();
  expect_shown(recorded());
}

// Whoever waits for a stack while it is forgotten stands on none of its layers: what has been
// removed since is known to nobody who has them.
TEST_F(LayersTest, OneThatWaitsWhileItIsForgottenHasNoRemovedFiles) {
  put("kept", "1");
  put("removed", "2");
  stack();
  const store::VolumeContent lost = put("lost", "3");
  const std::string file = contents_->path_of(kWorkspace, lost.id, 0644);
  fs::rename(file, file + ".away");
  // The first one fails for want of a file, and removes its layer while another one waits for it.
  std::promise<pid_t> asks;
  std::future<std::string> waited;
  at_removal_ = [&] {
    waited = std::async(std::launch::async, [&] {
      asks.set_value(::gettid());
      return listed(stack());
    });
    wait_until_it_waits(asks.get_future().get(), waited);
    fs::rename(file + ".away", file);
    layers_->forget(kVolume);
    change({gone("removed")});
    EXPECT_EQ(listed(stack()), "kept lost ");
    write([](store::Tx&) {});  // after what it has left to be written
  };
  // Its file is there again, and the volume another one by then.
  EXPECT_EQ(listed(stack()), "kept lost ");
  EXPECT_EQ(waited.get(), "kept lost ");
}

}  // namespace
}  // namespace ionian::volumes
