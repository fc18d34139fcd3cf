#include "volumes/shared_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/synced.h"
#include "base/test_folder.h"

namespace ionian::volumes {
namespace {

class SharedFolderTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file(base_ / "secret", "of the host")); }

  SharedFolder open() { return *SharedFolder::open(base_ / "root", base_ / "incoming"); }
  Result<void> put(const std::string& path, std::string_view text) {
    return open().put(path, random_, [&](int fd) { return write_all(fd, text); });
  }
  std::string read(const std::string& path) {
    const auto file = open().read(path);
    if (!file) return cat("error ", static_cast<int>(file.error().code));
    return read_file(cat("/proc/self/fd/", file->get())).value_or("?");
  }
  std::string names(const std::string& path) {
    const auto found = open().list(path);
    if (!found) return found.error().message;
    std::string all;
    for (const SharedEntry& entry : *found)
      all += entry.path + (entry.kind == SharedEntry::Kind::kFolder ? "/ " : " ");
    return all;
  }

  SystemRandom random_;
  const TestFolder base_{"shared"};
};

TEST_F(SharedFolderTest, FilesGoInAndComeOut) {
  ASSERT_TRUE(put("/a/b/c.txt", "one"));
  ASSERT_TRUE(put("a/b/c.txt", "two"));
  ASSERT_TRUE(put("top", ""));
  EXPECT_EQ(read("/a/b/c.txt"), "two");
  EXPECT_EQ(names("/"), "a/ top ");
  EXPECT_EQ(names("a/b"), "c.txt ");
  EXPECT_EQ(names("/a/b/c.txt"), "a/b/c.txt ");
  EXPECT_TRUE(std::filesystem::is_empty(base_ / "incoming"));
}

TEST_F(SharedFolderTest, WhatWasPutIsOnDiskWithAllFoldersThatWereMadeForIt) {
  take_synced();
  ASSERT_TRUE(put("a/b/c.txt", "one"));
  std::set<ino_t> synced;
  for (const struct stat& each : take_synced()) synced.insert(each.st_ino);
  for (const char* path : {"", "/root", "/root/a", "/root/a/b", "/root/a/b/c.txt"}) {
    struct stat info{};
    ASSERT_EQ(::stat((base_.path() + path).c_str(), &info), 0);
    EXPECT_TRUE(synced.contains(info.st_ino)) << path;
  }
}

TEST_F(SharedFolderTest, PatternsFitWholePaths) {
  for (const char* path : {"a/1.txt", "a/2.bin", "a/deep/er/3.txt", "4.txt"})
    ASSERT_TRUE(put(path, "x"));
  EXPECT_EQ(names("*"), "4.txt a/ ");
  EXPECT_EQ(names("**"), "4.txt a/ a/1.txt a/2.bin a/deep/ a/deep/er/ a/deep/er/3.txt ");
  EXPECT_EQ(names("/a/*.txt"), "a/1.txt ");
  EXPECT_EQ(names("**/*.txt"), "4.txt a/1.txt a/deep/er/3.txt ");
  EXPECT_EQ(names("a/*/er/*"), "a/deep/er/3.txt ");
  EXPECT_EQ(names("none/*"), "");
}

TEST_F(SharedFolderTest, NoPathLeadsOut) {
  ASSERT_TRUE(put("inside", "mine"));
  ASSERT_EQ(::symlink((base_ / "secret").c_str(), (base_ / "root/out").c_str()), 0);
  ASSERT_EQ(::symlink("../..", (base_ / "root/up").c_str()), 0);
  ASSERT_EQ(::symlink("/inside", (base_ / "root/in").c_str()), 0);
  ASSERT_EQ(::symlink("around", (base_ / "root/around").c_str()), 0);
  EXPECT_EQ(read("in"), "mine") << "a link means what it means in the container";
  EXPECT_EQ(open().read("out").error().code, Code::kNotFound);
  EXPECT_EQ(open().read("up/secret").error().code, Code::kNotFound);
  EXPECT_EQ(open().read("around").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(open().read("../secret").error().code, Code::kInvalidArgument);
  ASSERT_TRUE(put("up/put", "x"));
  EXPECT_EQ(names("put"), "put ");
  EXPECT_FALSE(std::filesystem::exists(base_ / "put"));
  // A link to a folder is removed as a link.
  ASSERT_TRUE(open().remove("up", true));
  EXPECT_TRUE(std::filesystem::exists(base_ / "secret"));
  EXPECT_EQ(names("**"), "around in inside out put ");
}

TEST_F(SharedFolderTest, WhatCannotBeIsRefusedAndLeavesNothing) {
  ASSERT_TRUE(put("folder/file", "x"));
  ASSERT_EQ(::mkfifo((base_ / "root/pipe").c_str(), 0666), 0);
  EXPECT_EQ(open().read("pipe").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(open().read("folder").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(put("folder", "x").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(put("folder/file/below", "x").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(put("folder/", "x").error().code, Code::kInvalidArgument);
  EXPECT_EQ(open().remove("nothing", false).error().code, Code::kNotFound);
  EXPECT_EQ(open().remove("folder", false).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(open().remove("/", true).error().code, Code::kInvalidArgument);
  const auto half = [](int) -> Result<void> { return fail(Code::kInternal, "no more"); };
  EXPECT_EQ(open().put("half", random_, half).error().message, "no more");
  EXPECT_EQ(names("/"), "folder/ pipe ");
  EXPECT_TRUE(open().remove("folder", true));
  EXPECT_EQ(names("/"), "pipe ");
  EXPECT_TRUE(std::filesystem::is_empty(base_ / "incoming"));
}

}  // namespace
}  // namespace ionian::volumes
