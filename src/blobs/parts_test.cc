// Which parts of uploads stay, and how long.
#include "blobs/parts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/names_in.h"

namespace ionian::blobs {
namespace {

class PartFolderTest : public testing::Test {
 protected:
  ~PartFolderTest() override { (void)remove_tree(folder_); }

  void send(const BlobId& blob, int part, std::string_view bytes, Time when) {
    auto writer = *parts_.writer(blob, part);
    ASSERT_TRUE(writer.write(bytes));
    ASSERT_TRUE(writer.commit());
    const timespec at{.tv_sec = when.time_since_epoch() / 1s, .tv_nsec = 0};
    for (const char* end : {"", ".md5"})
      ::utimensat(AT_FDCWD, cat(folder_, '/', blob, '.', part, end).c_str(),
                  std::array{at, at}.data(), 0);
  }
  bool has(const BlobId& blob, int part) const { return parts_.open(blob, part).has_value(); }

  std::string folder_ = cat(testing::TempDir(), "parts-", ::getpid());
  PartFolder parts_ = *PartFolder::open_folder(folder_);
  const BlobId slow_{"bl-slow"}, left_{"bl-left"};
  const Time start_{1'800'000'000s};
};

TEST_F(PartFolderTest, AnUploadStaysWhileItsPartsStillCome) {
  send(slow_, 1, "a", start_);
  send(slow_, 2, "b", start_ + 23h);
  send(left_, 1, "c", start_);
  parts_.remove_idle(start_ + 22h);
  EXPECT_TRUE(has(slow_, 1) && has(slow_, 2));
  EXPECT_FALSE(has(left_, 1));
  parts_.remove_idle(start_ + 24h);
  EXPECT_EQ(names_in(folder_).size(), 0U);
}

TEST_F(PartFolderTest, APartThatCameOutlivesARestartAndAHalfOneDoesNot) {
  send(slow_, 1, "whole", start_);
  auto half = *parts_.writer(slow_, 2);
  ASSERT_TRUE(half.write("ha"));
  parts_ = *PartFolder::open_folder(folder_);
  EXPECT_EQ(names_in(folder_).size(), 2U);
  const auto part = parts_.open(slow_, 1);
  ASSERT_TRUE(part);
  EXPECT_EQ(read_file(cat("/proc/self/fd/", part->fd.get())).value_or(""), "whole");
}

TEST_F(PartFolderTest, APartIsReplacedAsAWholeOrNotAtAll) {
  send(slow_, 1, "first", start_);
  {
    auto cut = *parts_.writer(slow_, 1);
    ASSERT_TRUE(cut.write("se"));
  }
  EXPECT_TRUE(has(slow_, 1));
  send(slow_, 1, "second", start_);
  const auto part = parts_.open(slow_, 1);
  ASSERT_TRUE(part);
  EXPECT_EQ(read_file(cat("/proc/self/fd/", part->fd.get())).value_or(""), "second");
  Hasher md5 = Hasher::md5();
  md5.update("second");
  EXPECT_EQ(part->md5, md5.hex());
  parts_.remove(slow_, 1);
  EXPECT_EQ(names_in(folder_).size(), 0U);
}

}  // namespace
}  // namespace ionian::blobs
