// What was printed is there again after a part of an entry, and goes when it is old.
#include "logs/log_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/cat.h"
#include "base/file.h"
#include "base/names_in.h"
#include "base/test_folder.h"

namespace ionian::logs {
namespace {

class LogStoreTest : public testing::Test {
 protected:
  static void say(LogStore& store, const std::string& stream, const std::string& text) {
    modal::client::TaskLogsBatch batch;
    batch.add_items()->set_data(text);
    store.append(stream, std::move(batch));
  }
  static std::string read(LogStore& store, const std::string& stream, std::string cursor = "") {
    std::string all;
    for (const auto& batch : store.read(stream, cursor, 1 << 20))
      for (const auto& item : batch.items()) cat_to(all, item.data(), ' ');
    return all;
  }
  std::string segment(const std::string& stream) const {
    return cat(folder.path(), '/', stream, "/0.log");
  }
  static void date_back(const std::string& path, Time to) {
    const timespec at{.tv_sec = to_unix_ms(to) / 1000, .tv_nsec = 0};
    const timespec times[] = {at, at};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  const TestFolder folder{"logs"};
  const Time now{1'800'000'000s};
};

TEST_F(LogStoreTest, WhatAFormerLifeDidNotWriteToItsEndHidesNothing) {
  {
    LogStore store(folder.path());
    say(store, "ap-1", "one");
    say(store, "ap-1", "two");
  }
  struct stat info;
  ASSERT_EQ(::stat(segment("ap-1").c_str(), &info), 0);
  ASSERT_EQ(::truncate(segment("ap-1").c_str(), info.st_size - 1), 0);
  LogStore store(folder.path());
  EXPECT_EQ(read(store, "ap-1"), "one ");
  say(store, "ap-1", "three");
  say(store, "ap-1", "four");
  EXPECT_EQ(read(store, "ap-1"), "one three four ");
}

TEST_F(LogStoreTest, APartOfASizeHidesNothing) {
  {
    LogStore store(folder.path());
    say(store, "ap-1", "one");
    std::ofstream(segment("ap-1"), std::ios::app) << "\x07";
  }
  LogStore store(folder.path());
  say(store, "ap-1", "two");
  EXPECT_EQ(read(store, "ap-1"), "one two ");
}

TEST_F(LogStoreTest, WhatIsOldGoesAndReadersGoOn) {
  LogStore store(folder.path());
  say(store, "ap-1", "old");
  say(store, "ap-2", "young");
  date_back(segment("ap-1"), now - 2h);
  date_back(segment("ap-2"), now);
  std::string cursor;
  EXPECT_EQ(store.read("ap-1", cursor, 1 << 20).size(), 1u);
  store.remove_older_than(now - 1h);
  EXPECT_EQ(::access(cat(folder.path(), "/ap-1").c_str(), F_OK), -1);
  EXPECT_EQ(read(store, "ap-1"), "");
  EXPECT_EQ(read(store, "ap-2"), "young ");
  say(store, "ap-1", "new");
  EXPECT_EQ(read(store, "ap-1", cursor), "new ");
  EXPECT_EQ(read(store, "ap-1"), "new ");
}

TEST_F(LogStoreTest, OfManyStreamsThatHaveEndedTheLatestAreKnownAndAllCanBeRead) {
  LogStore store(folder.path());
  say(store, "ap-0", "first");
  for (int i = 0; i < 1500; ++i) {
    store.end(cat("ap-", i));
    store.end(cat("ap-", i));
  }
  EXPECT_FALSE(store.ended("ap-0"));
  EXPECT_TRUE(store.ended("ap-500") && store.ended("ap-1499"));
  EXPECT_EQ(read(store, "ap-0"), "first ");
  say(store, "ap-0", "later");
  EXPECT_EQ(read(store, "ap-0"), "first later ");
}

TEST_F(LogStoreTest, ManyStreamsAtATimeKeepFewFilesOpen) {
  LogStore store(folder.path());
  const auto open_files = [] { return names_in("/proc/self/fd").size(); };
  const std::size_t before = open_files();
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 300; ++i) say(store, cat("ap-", i), "x");
  EXPECT_LT(open_files(), before + 280);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(read(store, cat("ap-", i)), "x x ");
  for (int i = 0; i < 300; ++i) store.end(cat("ap-", i));
  EXPECT_EQ(open_files(), before);
}

TEST_F(LogStoreTest, OfAStreamThatIsTooLongTheOldestGoes) {
  const auto file = [this](int n) {
    return std::filesystem::path(cat(folder.path(), "/ap-1/", n, ".log"));
  };
  std::filesystem::create_directories(file(0).parent_path());
  for (const int n : {0, 1}) {
    std::ofstream made(file(n));
    std::filesystem::resize_file(file(n), LogStore::kSegmentBytes);
  }
  LogStore store(folder.path(), 2 * LogStore::kSegmentBytes);
  say(store, "ap-1", "the newest");
  EXPECT_FALSE(std::filesystem::exists(file(0)));
  EXPECT_TRUE(std::filesystem::exists(file(1)));
  EXPECT_TRUE(std::filesystem::exists(file(2)));
}

}  // namespace
}  // namespace ionian::logs
