#include "images/upper_bound.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <fstream>

#include "base/file.h"
#include "base/test_folder.h"

namespace ionian::images {
namespace {

void write_mib(const std::string& path, int mib) {
  std::ofstream out(path, std::ios::binary);
  const std::string one(1 << 20, 'x');
  for (int i = 0; i < mib; ++i) out << one;
}

// On a file system of its own, which nobody else fills or empties.
class UpperBoundTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << "mounts need root";
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(make_folders(folder / "own"));
    ASSERT_EQ(::mount("none", (folder / "own").c_str(), "tmpfs", 0, "size=64m"), 0);
  }
  void TearDown() override { EXPECT_EQ(::umount2((folder / "own").c_str(), MNT_DETACH), 0); }

  const TestFolder folder{"images"};
  const std::string own = folder / "own", upper = own + "/upper";
};

TEST_F(UpperBoundTest, IsNotFooledForLongByTheRoomThatOthersMake) {
  write_mib(own + "/of another", 20);
  UpperBound bound(upper, 8 << 20);
  ASSERT_TRUE(make_folders(upper));
  std::filesystem::remove(own + "/of another");
  write_mib(upper + "/first", 9);
  int calls = 1;
  while (bound.check() && calls <= UpperBound::kMeasuredEach) ++calls;
  EXPECT_EQ(calls, UpperBound::kMeasuredEach);
}

TEST_F(UpperBoundTest, CountsWhatTheFolderHolds) {
  UpperBound bound(upper, 8 << 20);
  EXPECT_TRUE(bound.check()) << "the folder need not be there";
  ASSERT_TRUE(make_folders(upper));
  write_mib(own + "/of another", 9);
  write_mib(upper + "/first", 4);
  EXPECT_TRUE(bound.check()) << "what others write does not count";
  std::filesystem::create_hard_link(upper + "/first", upper + "/again");
  std::filesystem::create_hard_link(upper + "/first", upper + "/and again");
  EXPECT_TRUE(bound.check());
  write_mib(upper + "/second", 5);
  const Result<void> passed = bound.check();
  ASSERT_FALSE(passed);
  EXPECT_EQ(passed.error().code, Code::kResourceExhausted);
  EXPECT_NE(passed.error().message.find("more than the 8 MiB"), std::string::npos);
  EXPECT_TRUE(UpperBound(upper, 0).check()) << "0 means none";
}

}  // namespace
}  // namespace ionian::images
