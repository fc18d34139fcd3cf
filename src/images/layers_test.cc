#include "images/layers.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstring>

#include "base/file.h"
#include "base/test_folder.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

constexpr std::uint32_t kBase = 1'000'000;

class LayersTest : public testing::Test {
 protected:
  LayersTest() : layers_(*LayerStore::open_folder(data_ / "layers")), scratch_(*layers_.scratch()) {
    upper_ = scratch_.path() + "/upper";
    ::mkdir(upper_.c_str(), 0755);
    ::chown(upper_.c_str(), kBase, kBase);
  }
  std::string file(std::string name, std::uint32_t id, mode_t mode) {
    std::string path = upper_ + "/" + name;
    EXPECT_TRUE(write_file(path, name));
    EXPECT_EQ(::chown(path.c_str(), kBase + id, kBase + id), 0);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  static struct stat info(const std::string& path) {
    struct stat out = {};
    EXPECT_EQ(::lstat(path.c_str(), &out), 0) << path;
    return out;
  }
  std::string commit() {
    auto id = layers_.commit(upper_, kBase);
    EXPECT_TRUE(id) << id.error().message;
    return id ? layers_.path_of(*id) + "/" : "";
  }
  const TestFolder data_{"images"};
  LayerStore layers_;
  ScratchFolder scratch_;
  std::string upper_;
};

TEST_F(LayersTest, OwnersBecomePlainAndModesStay) {
  file("sudo", 0, 04755);
  file("mail", 8, 02755);
  ::symlink("sudo", (upper_ + "/link").c_str());
  ::lchown((upper_ + "/link").c_str(), kBase + 5, kBase + 5);
  ::link((upper_ + "/mail").c_str(), (upper_ + "/mail2").c_str());
  const std::string at = commit();
  EXPECT_EQ(info(at + "sudo").st_uid, 0u);
  EXPECT_EQ(info(at + "sudo").st_mode & 07777, 04755u);
  EXPECT_EQ(info(at + "mail").st_gid, 8u);
  EXPECT_EQ(info(at + "mail").st_mode & 07777, 02755u);
  EXPECT_EQ(info(at + "mail2").st_ino, info(at + "mail").st_ino);
  EXPECT_EQ(info(at + "link").st_uid, 5u);
  EXPECT_EQ(::access(upper_.c_str(), F_OK), -1);
}

TEST_F(LayersTest, CapabilitiesOfTheNamespaceBecomeThoseOfPlainRoot) {
  vfs_ns_cap_data data = {};
  data.magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE;
  data.data[0].permitted = 1u << CAP_NET_BIND_SERVICE;
  data.rootid = kBase;
  const std::string path = file("ping", 0, 0755);
  ASSERT_EQ(::setxattr(path.c_str(), "security.capability", &data, sizeof data, 0), 0);
  const std::string at = commit();
  vfs_ns_cap_data got = {};
  ASSERT_EQ(::getxattr((at + "ping").c_str(), "security.capability", &got, sizeof got),
            static_cast<ssize_t>(sizeof(vfs_cap_data)));
  EXPECT_EQ(got.magic_etc & VFS_CAP_REVISION_MASK, static_cast<std::uint32_t>(VFS_CAP_REVISION_2));
  EXPECT_EQ(got.data[0].permitted, 1u << CAP_NET_BIND_SERVICE);
}

TEST_F(LayersTest, WhiteoutsAndOpaqueFoldersStay) {
  ASSERT_EQ(::mknod((upper_ + "/gone").c_str(), S_IFCHR, makedev(0, 0)), 0);
  ::chown((upper_ + "/gone").c_str(), kBase, kBase);
  ASSERT_EQ(::mkdir((upper_ + "/fresh").c_str(), 0700), 0);
  ::chown((upper_ + "/fresh").c_str(), kBase + 7, kBase + 7);
  ASSERT_EQ(::setxattr((upper_ + "/fresh").c_str(), "user.overlay.opaque", "y", 1, 0), 0);
  const std::string at = commit();
  EXPECT_TRUE(S_ISCHR(info(at + "gone").st_mode));
  EXPECT_EQ(info(at + "gone").st_rdev, 0u);
  EXPECT_EQ(info(at + "fresh").st_uid, 7u);
  char value = 0;
  EXPECT_EQ(::getxattr((at + "fresh").c_str(), "trusted.overlay.opaque", &value, 1), 1);
  EXPECT_TRUE(is_opaque(at + "fresh"));
}

TEST_F(LayersTest, ForeignOwnersAreRefused) {
  file("ok", 65535, 0644);
  EXPECT_TRUE(write_file(upper_ + "/hosts", "x"));  // belongs to the host's root
  auto id = layers_.commit(upper_, kBase);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, Code::kFailedPrecondition);
}

TEST_F(LayersTest, RemoveAndLeftovers) {
  file("a", 0, 0644);
  auto id = layers_.commit(upper_, kBase);
  ASSERT_TRUE(id);
  EXPECT_TRUE(layers_.exists(*id));
  EXPECT_FALSE(layers_.exists("../layers"));
  // What a dead process left goes, what a living one works in stays.
  ASSERT_TRUE(make_folders(data_ / "layers/.tmp-dead/half"));
  auto again = LayerStore::open_folder(data_ / "layers");
  EXPECT_EQ(::access((data_ / "layers/.tmp-dead").c_str(), F_OK), -1);
  EXPECT_EQ(::access(scratch_.path().c_str(), F_OK), 0);
  EXPECT_TRUE(again->exists(*id));
  EXPECT_TRUE(again->remove(*id));
  EXPECT_TRUE(again->remove(*id));
  EXPECT_FALSE(again->exists(*id));
}

}  // namespace
}  // namespace ionian::images
