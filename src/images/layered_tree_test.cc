#include "images/layered_tree.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/test_folder.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

class LayeredTreeTest : public testing::Test {
 protected:
  LayeredTreeTest() {
    for (const char* folder : {"/usr/bin", "/etc/old", "/opt/a"})
      EXPECT_TRUE(make_folders(low_ + folder));
    file(low_ + "/usr/bin/env", "low");
    file(low_ + "/etc/old/x", "low");
    file(low_ + "/opt/a/f", "low");
    ::symlink("usr/bin", (low_ + "/bin").c_str());
    ::symlink("/etc/../../../../opt/./a", (low_ + "/far").c_str());
    ::symlink("loop", (low_ + "/loop").c_str());
    for (const char* folder : {"/usr/bin", "/etc/old", "/opt"})
      EXPECT_TRUE(make_folders(high_ + folder));
    file(high_ + "/usr/bin/python", "high");
    EXPECT_TRUE(mark_opaque(high_ + "/etc/old"));
    file(high_ + "/etc/old/y", "high");
    EXPECT_EQ(::mknod((high_ + "/opt/b").c_str(), S_IFCHR, makedev(0, 0)), 0);
    file(low_ + "/opt/b", "hidden");
  }
  static void file(const std::string& path, const std::string& text) {
    EXPECT_TRUE(write_file(path, text));
  }
  std::string read(std::string_view path) const {
    auto node = tree().find(path);
    if (!node || !*node) return "none";
    return (*node)->is_folder() ? "folder" : *read_file((*node)->parts[0]);
  }
  LayeredTree tree() const { return LayeredTree({low_, high_}); }
  const TestFolder data_{"images"};
  std::string low_ = data_ / "low", high_ = data_ / "high";
};

TEST_F(LayeredTreeTest, StacksHidesAndFollows) {
  EXPECT_EQ(read("/usr/bin/env"), "low");
  EXPECT_EQ(read("bin/python"), "high");
  EXPECT_EQ(read("/far/f"), "low");
  EXPECT_EQ(read("/../../usr/../bin/env"), "low");
  EXPECT_EQ(read("/etc/old/x"), "none");
  EXPECT_EQ(read("/etc/old/y"), "high");
  EXPECT_EQ(read("/opt/b"), "none");
  EXPECT_EQ(read("/usr/bin/env/x"), "none");
  EXPECT_FALSE(tree().find("/loop/x"));
  EXPECT_EQ(*tree().names(**tree().find("/etc/old")), std::vector<std::string>{"y"});
  EXPECT_EQ(*tree().names(**tree().find("/opt")), std::vector<std::string>{"a"});
}

TEST_F(LayeredTreeTest, RealPathsAndPatterns) {
  EXPECT_EQ(*tree().real_path("/bin/new/x"), "/usr/bin/new/x");
  EXPECT_EQ(*tree().real_path("/"), "/");
  EXPECT_FALSE(tree().real_path("/bin/env/x"));
  EXPECT_EQ(*tree().glob("/usr/b*/[ep]*"),
            (std::vector<std::string>{"/usr/bin/env", "/usr/bin/python"}));
  EXPECT_EQ(*tree().glob("/nothing/*"), std::vector<std::string>{});
  EXPECT_EQ(clean_path("/a/b", "../c/./d//"), "/a/c/d");
  EXPECT_EQ(clean_path("", "../.."), "/");
}

}  // namespace
}  // namespace ionian::images
