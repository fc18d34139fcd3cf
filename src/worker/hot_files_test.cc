#include "worker/hot_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/test_folder.h"

namespace ionian::worker {
namespace {

constexpr std::size_t kPage = 4096, kPages = 32;

class HotFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* layer : {"low/lib", "high/lib"})
      ASSERT_TRUE(make_folders(folder_ / layer).has_value());
  }
  // A file that no memory holds.
  std::string cold(const std::string& name) {
    const std::string path = folder_ / name;
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    EXPECT_TRUE(write_all(fd.get(), std::string(kPage * kPages, 'x')).has_value());
    EXPECT_EQ(::fsync(fd.get()), 0);
    EXPECT_EQ(::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    EXPECT_EQ(held(path), 0u) << "this file system does not let go of pages";
    return path;
  }
  // How many of its pages are in memory.
  static std::size_t held(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* at = ::mmap(nullptr, kPage * kPages, PROT_READ, MAP_SHARED, fd.get(), 0);
    unsigned char pages[kPages];
    EXPECT_EQ(::mincore(at, kPage * kPages, pages), 0);
    ::munmap(at, kPage * kPages);
    return static_cast<std::size_t>(
        std::ranges::count_if(pages, [](unsigned char page) { return page & 1; }));
  }
  void wait_for(std::uint64_t files) {
    for (int looks = 0; looks < 10'000 && hot_.files_read() < files; ++looks) ::poll(nullptr, 0, 1);
    EXPECT_EQ(hot_.files_read(), files);
  }
  // Reading ahead is asked for, and comes when the disk has it.
  static std::size_t held_soon(const std::string& path) {
    for (int looks = 0; looks < 5'000 && held(path) < kPages; ++looks) ::poll(nullptr, 0, 1);
    return held(path);
  }

  const TestFolder folder_{"hot"};
  HotFiles hot_{folder_ / "hot"};
};

TEST_F(HotFilesTest, WhatWasReadOnceIsReadAheadFromTheUppermostLayer) {
  const std::string both_low = cold("low/lib/both"), low = cold("low/lib/low");
  const std::string both_high = cold("high/lib/both");
  hot_.remember("kind", "/lib/both\n/lib/low\n/lib/missing\n");
  hot_.read_ahead("kind", {folder_ / "low", folder_ / "high"});
  wait_for(2);
  EXPECT_EQ(held_soon(both_high), kPages);
  EXPECT_EQ(held_soon(low), kPages);
  EXPECT_EQ(held(both_low), 0u);
}

TEST_F(HotFilesTest, NothingOutsideOfTheLayersAndNothingButFiles) {
  const std::string outside = cold("outside"), last = cold("low/last");
  ASSERT_EQ(::symlink(outside.c_str(), (folder_ / "low/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder_ / "low/fifo").c_str(), 0644), 0);
  hot_.remember("kind", cat("../outside\n/../outside\n/link\n/fifo\n/lib\n\n", outside, "\n/last"));
  hot_.read_ahead("kind", {folder_ / "low"});
  wait_for(1);
  EXPECT_EQ(held_soon(last), kPages);
  EXPECT_EQ(held(outside), 0u);
}

TEST_F(HotFilesTest, AListThatIsTooLongIsNotKept) {
  cold("low/file");
  hot_.remember("long", std::string(HotFiles::kListBytesMax + 1, '/'));
  hot_.read_ahead("long", {folder_ / "low"});
  hot_.read_ahead("never", {folder_ / "low"});
  hot_.remember("kind", "/file");
  hot_.read_ahead("kind", {folder_ / "low"});
  wait_for(1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hot/long"));
}

}  // namespace
}  // namespace ionian::worker
