#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace ionian {
namespace {

TEST(File, OldFilesOfAFolderGo) {
  std::string folder = testing::TempDir() + "ionian-file-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto made = [&](const std::string& name, time_t at) {
    const std::string path = cat(folder, '/', name);
    EXPECT_TRUE(write_file(path, "x"));
    const timespec times[2] = {{.tv_sec = at, .tv_nsec = 0}, {.tv_sec = at, .tv_nsec = 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    return path;
  };
  ASSERT_TRUE(make_folders(folder + "/below", 0700));
  const std::string old = made("old", 1000), fresh = made("fresh", 2000);
  const std::string below = made("below/old", 1000);
  remove_files_older_than(folder, Time(1500s));
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh));
  EXPECT_TRUE(std::filesystem::exists(below));
  remove_files_older_than(folder + "/none", Time(1500s));
  EXPECT_TRUE(remove_tree(folder));
}

TEST(File, ACopyIsNewAndWhole) {
  std::string folder = testing::TempDir() + "ionian-file-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::string bytes(5 << 20, 'a');
  bytes[4 << 20] = 'b';
  ASSERT_TRUE(write_file(folder + "/from", bytes));
  const UniqueFd from(::open((folder + "/from").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(copy_to_new(from.get(), folder + "/to", 0751));
  EXPECT_EQ(read_file(folder + "/to"), bytes);
  struct stat info{};
  ASSERT_EQ(::stat((folder + "/to").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0751U);
  EXPECT_FALSE(copy_to_new(from.get(), folder + "/to", 0644)) << "what is there stays";
  EXPECT_TRUE(remove_tree(folder));
}

}  // namespace
}  // namespace ionian
