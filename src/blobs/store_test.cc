#include "blobs/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "base/file.h"

namespace ionian::blobs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() {
    char name[] = "/tmp/ionian-blobs-XXXXXX";
    root_ = ::mkdtemp(name);
    store_.emplace(*BlobStore::open_folder(root_));
  }
  ~BlobStoreTest() override { fs::remove_all(root_); }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_))
      count += entry.is_regular_file();
    return count;
  }
  std::string root_;
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
  ASSERT_TRUE(write_file(root_ + "/tmp/half", "x"));
  ASSERT_TRUE(store_->put("hello"));
  auto again = BlobStore::open_folder(root_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->exists(kHello));
  EXPECT_EQ(files(), 1u);
}

TEST_F(BlobStoreTest, NamesAreHashesOnly) {
  EXPECT_FALSE(store_->exists("../../etc/passwd"));
  EXPECT_EQ(store_->open("../../etc/passwd").error().code, Code::kInvalidArgument);
  EXPECT_EQ(store_->open(std::string(64, 'a')).error().code, Code::kNotFound);
}

TEST_F(BlobStoreTest, SameContentFromManyThreads) {
  const std::string data(1 << 20, 'z');
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(store_->put(data)); });
  threads.clear();
  EXPECT_EQ(files(), 1u);
}

TEST_F(BlobStoreTest, RemoveTwice) {
  ASSERT_TRUE(store_->put("hello"));
  EXPECT_TRUE(store_->remove(kHello));
  EXPECT_TRUE(store_->remove(kHello));
  EXPECT_FALSE(store_->exists(kHello));
}

}  // namespace
}  // namespace ionian::blobs
