#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/test_folder.h"

namespace ionian {
namespace {

TEST(File, ACopyIsNewAndWhole) {
  const TestFolder folder("file");
  std::string bytes(5 << 20, 'a');
  bytes[4 << 20] = 'b';
  ASSERT_TRUE(write_file(folder / "from", bytes));
  const UniqueFd from(::open((folder / "from").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(copy_to_new(from.get(), folder / "to", 0751));
  EXPECT_EQ(read_file(folder / "to"), bytes);
  struct stat info{};
  ASSERT_EQ(::stat((folder / "to").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0751U);
  EXPECT_FALSE(copy_to_new(from.get(), folder / "to", 0644)) << "what is there stays";
}

}  // namespace
}  // namespace ionian
