#include "images/upper_bound.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "images/test_tools.h"

namespace ionian::images {
namespace {

void write_mib(const std::string& path, int mib) {
  std::ofstream out(path, std::ios::binary);
  const std::string one(1 << 20, 'x');
  for (int i = 0; i < mib; ++i) out << one;
}

TEST(UpperBound, CountsWhatTheFolderHolds) {
  const TestFolder folder;
  const std::string upper = folder / "upper";
  UpperBound bound(upper, 8 << 20);
  EXPECT_TRUE(bound.check()) << "the folder need not be there";
  ASSERT_TRUE(make_folders(upper));
  write_mib(folder / "of another", 9);
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
