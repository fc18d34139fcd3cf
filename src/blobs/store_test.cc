#include "blobs/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/synced.h"
#include "base/test_folder.h"

namespace ionian::blobs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() { store_.emplace(*BlobStore::open_folder(root_.path(), clock_)); }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_.path()))
      count += entry.is_regular_file();
    return count;
  }
  // Of all parts.
  std::vector<std::string> unused_since(Time when) const {
    std::vector<std::string> all;
    for (unsigned part = 0; part < BlobStore::kParts; ++part)
      for (const std::string& sha256 : store_->list_unused(part, when)) all.push_back(sha256);
    return all;
  }
  FakeClock clock_;
  const TestFolder root_{"blobs"};
  std::optional<BlobStore> store_;
};

TEST_F(BlobStoreTest, PutThenOpen) {
  auto info = store_->put("hello");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->sha256, kHello);
  EXPECT_EQ(info->md5, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(info->size, 5u);
  auto blob = store_->open(kHello);
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->size, 5u);
  EXPECT_EQ(*read_file(store_->path_of(kHello)), "hello");
  struct stat st;
  ASSERT_EQ(::stat(store_->path_of(kHello).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644u);
}

TEST_F(BlobStoreTest, StreamedEqualsWhole) {
  auto out = store_->writer();
  ASSERT_TRUE(out);
  for (char c : std::string("hello")) ASSERT_TRUE(out->write({&c, 1}));
  EXPECT_EQ(out->commit({kHello, 5})->sha256, kHello);
}

TEST_F(BlobStoreTest, AbortLeavesNothing) {
  {
    auto out = store_->writer();
    ASSERT_TRUE(out->write("half"));
    EXPECT_EQ(files(), 1u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(BlobStoreTest, RefusesOtherContentThanAnnounced) {
  {
    auto out = store_->writer();
    ASSERT_TRUE(out->write("hellO"));
    EXPECT_EQ(out->commit({kHello, 5}).error().code, Code::kInvalidArgument);
  }
  {
    auto out = store_->writer();
    ASSERT_TRUE(out->write("hello"));
    EXPECT_EQ(out->commit({std::nullopt, 6}).error().code, Code::kInvalidArgument);
  }
  auto out = store_->writer(4);
  EXPECT_EQ(out->write("hello").error().code, Code::kResourceExhausted);
  EXPECT_FALSE(store_->exists(kHello));
  EXPECT_EQ(files(), 1u) << "only the temporary file of the writer that is still alive";
}

TEST_F(BlobStoreTest, StartRemovesLeftovers) {
  ASSERT_TRUE(write_file(root_ / "tmp/half", "x"));
  ASSERT_TRUE(store_->put("hello"));
  auto again = BlobStore::open_folder(root_.path(), clock_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->exists(kHello));
  EXPECT_EQ(files(), 1u);
}

// Whoever sends bytes must not learn from the time it takes that somebody else has sent them.
TEST_F(BlobStoreTest, WhatIsThereAlreadyIsSyncedAsWhatIsNew) {
  const auto synced_by_put = [this] {
    take_synced();
    EXPECT_TRUE(store_->put("hello"));
    std::string kinds;
    for (const struct stat& each : take_synced()) kinds += S_ISDIR(each.st_mode) ? 'd' : 'f';
    return kinds;
  };
  const std::string with_folders = synced_by_put(), again = synced_by_put();
  fs::remove(store_->path_of(kHello));
  const std::string anew = synced_by_put();
  EXPECT_EQ(again.front(), 'f');
  EXPECT_EQ(again, anew);
  EXPECT_EQ(again, with_folders);
  EXPECT_EQ(files(), 1U);
}

TEST_F(BlobStoreTest, NamesAreHashesOnly) {
  EXPECT_FALSE(store_->exists("../../etc/passwd"));
  EXPECT_EQ(store_->open("../../etc/passwd").error().code, Code::kInvalidArgument);
  EXPECT_EQ(store_->open(std::string(64, 'a')).error().code, Code::kNotFound);
}

TEST_F(BlobStoreTest, SameContentFromManyThreads) {
  const std::string data(1 << 20, 'z');
  std::vector<std::jthread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(store_->put(data)); });
  threads.clear();
  EXPECT_EQ(files(), 1u);
}

TEST_F(BlobStoreTest, WhatNobodyUsesIsFoundAndGoes) {
  ASSERT_TRUE(store_->put("hello"));
  const std::string other = store_->put("other")->sha256;
  const Time stored = clock_.now();
  EXPECT_EQ(unused_since(stored).size(), 0U);
  clock_.advance(2h);
  EXPECT_EQ(unused_since(stored + 1h).size(), 2U);
  EXPECT_TRUE(store_->touch(other));
  EXPECT_EQ(unused_since(stored + 1h), std::vector<std::string>{kHello});
  std::vector<std::string> told;
  const auto forget = [&](const auto& going) -> Result<void> {
    told = going;
    EXPECT_TRUE(store_->exists(going.front())) << "records go first";
    return {};
  };
  EXPECT_TRUE(store_->remove_unused({kHello, other}, stored + 1h, forget));
  EXPECT_EQ(told, std::vector<std::string>{kHello}) << "the other one is used since";
  EXPECT_FALSE(store_->exists(kHello));
  EXPECT_FALSE(store_->touch(kHello));
  EXPECT_TRUE(store_->exists(other));
}

TEST_F(BlobStoreTest, SentAgainItCountsAsUsed) {
  ASSERT_TRUE(store_->put("hello"));
  const Time stored = clock_.now();
  clock_.advance(2h);
  ASSERT_TRUE(store_->put("hello"));
  EXPECT_EQ(unused_since(stored + 1h).size(), 0U);
}

TEST_F(BlobStoreTest, WhatCannotBeForgottenStays) {
  ASSERT_TRUE(store_->put("hello"));
  clock_.advance(2h);
  const auto refuse = [](const auto&) -> Result<void> { return fail(Code::kInternal, "no"); };
  EXPECT_FALSE(store_->remove_unused({kHello}, clock_.now() - 1h, refuse));
  EXPECT_TRUE(store_->exists(kHello));
}

TEST_F(BlobStoreTest, OneThatIsDamagedGoesAndCanBeSentAgain) {
  ASSERT_TRUE(store_->put("hello"));
  int told = 0;
  const auto forget = [&](const auto&) -> Result<void> {
    ++told;
    return {};
  };
  EXPECT_EQ(store_->remove_if_damaged(kHello, forget), false);
  EXPECT_TRUE(store_->exists(kHello) && told == 0);
  std::ofstream(store_->path_of(kHello)) << "hallo";
  EXPECT_EQ(store_->remove_if_damaged(kHello, forget), true);
  EXPECT_FALSE(store_->exists(kHello));
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(store_->put("hello"));
  EXPECT_EQ(*read_file(store_->path_of(kHello)), "hello");
}

}  // namespace
}  // namespace ionian::blobs
