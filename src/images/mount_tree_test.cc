#include "images/mount_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "base/file.h"
#include "base/test_folder.h"

namespace ionian::images {
namespace {

class MountTreeTest : public testing::Test {
 protected:
  MountTreeTest()
      : blobs_(*blobs::BlobStore::open_folder(data_ / "blobs", clock_)),
        trees_(*MountTrees::open_folder(data_ / "mounts", blobs_)),
        hello_(blobs_.put("hello")->sha256),
        empty_(blobs_.put("")->sha256) {}
  Code refusal(std::vector<MountFile> files) {
    auto tree = trees_.tree_of(std::move(files));
    return tree ? Code::kOk : tree.error().code;
  }
  FakeClock clock_;
  const TestFolder data_{"images"};
  blobs::BlobStore blobs_;
  MountTrees trees_;
  std::string hello_, empty_;
};

TEST_F(MountTreeTest, FilesWithModes) {
  auto tree = trees_.tree_of(
      {{"/root/hello.py", hello_, 0100644}, {"/root/run", hello_, 0100755}, {"/e", empty_, 0}});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(*read_file(*tree + "/root/run"), "hello");
  EXPECT_EQ(*read_file(*tree + "/e"), "");
  struct stat linked, copied, blob;
  ::stat((*tree + "/root/hello.py").c_str(), &linked);
  ::stat((*tree + "/root/run").c_str(), &copied);
  ::stat(blobs_.path_of(hello_).c_str(), &blob);
  EXPECT_EQ(linked.st_ino, blob.st_ino);
  EXPECT_NE(copied.st_ino, blob.st_ino);
  EXPECT_EQ(copied.st_mode & 07777, 0755u);
}

TEST_F(MountTreeTest, SameListSameTree) {
  const std::vector<MountFile> a = {{"/a", hello_, 0644}, {"/b", empty_, 0644}};
  const std::vector<MountFile> b = {{"/b", empty_, 0100644}, {"/a", hello_, 0}};
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(trees_.tree_of(a)); });
  threads.clear();
  EXPECT_EQ(*trees_.tree_of(a), *trees_.tree_of(b));
}

TEST_F(MountTreeTest, RefusesNamesThatEscapeOrClash) {
  for (const char* name : {"", "root", "/../etc/passwd", "/a/../b", "/a/./b", "/a//b", "/a/", "/"})
    EXPECT_EQ(refusal({{name, hello_, 0644}}), Code::kInvalidArgument) << name;
  EXPECT_EQ(refusal({{std::string("/a\0b", 4), hello_, 0644}}), Code::kInvalidArgument);
  EXPECT_EQ(refusal({{"/a", hello_, 0644}, {"/a", empty_, 0644}}), Code::kInvalidArgument);
  EXPECT_EQ(refusal({{"/a", hello_, 0644}, {"/a-b", hello_, 0644}, {"/a/b/c", hello_, 0644}}),
            Code::kInvalidArgument);
  EXPECT_EQ(refusal({{"/a", "../../etc/passwd", 0644}}), Code::kInvalidArgument);
  EXPECT_EQ(refusal({{"/a", std::string(64, '0'), 0644}}), Code::kNotFound);
}

}  // namespace
}  // namespace ionian::images
