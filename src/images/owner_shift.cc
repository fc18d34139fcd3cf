#include "images/owner_shift.h"

#include <fts.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

namespace ionian::images {
namespace {

constexpr const char* kOpaqueNames[] = {"trusted.overlay.opaque", "user.overlay.opaque"};
constexpr const char* kCapability = "security.capability";
// The kernel's own limit of one attribute.
constexpr std::size_t kAttributeLimit = 65536;

class Shifter {
 public:
  explicit Shifter(std::uint32_t id_base) : id_base_(id_base) {}

  Result<void> shift(const std::string& path, const struct stat& info) {
    // Another name of a file that was shifted under its first one.
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 &&
        !shifted_.insert({info.st_dev, info.st_ino}).second)
      return {};
    if (S_ISDIR(info.st_mode) && is_opaque(path)) TRY(mark_opaque(path));
    // overlayfs makes whiteouts as whoever mounted it; nobody ever sees their owner.
    if (S_ISCHR(info.st_mode) && info.st_rdev == 0) return {};
    if (id_base_ == 0) return check_range(path, info);
    ASSIGN_OR_RETURN(const uid_t uid, plain(path, info.st_uid));
    ASSIGN_OR_RETURN(const gid_t gid, plain(path, info.st_gid));
    const std::optional<std::string> capability =
        S_ISREG(info.st_mode) ? attribute(path, kCapability) : std::nullopt;
    if (::lchown(path.c_str(), uid, gid) != 0) return sys_fail(cat("chown ", path));
    if (S_ISLNK(info.st_mode)) return {};
    // The kernel drops these bits and the capability of a file whose owner changes.
    if ((info.st_mode & (S_ISUID | S_ISGID)) != 0 && !S_ISDIR(info.st_mode) &&
        ::chmod(path.c_str(), info.st_mode & 07777) != 0)
      return sys_fail(cat("chmod ", path));
    if (capability) TRY(restore_capability(path, *capability));
    if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
      for (const char* name : {"system.posix_acl_access", "system.posix_acl_default"})
        TRY(shift_access_list(path, name));
    return {};
  }

 private:
  Result<std::uint32_t> plain(const std::string& path, std::uint32_t id) const {
    if (id < id_base_ || id - id_base_ >= kIdCount)
      return fail(Code::kFailedPrecondition, path, " belongs to id ", id,
                  ", which is outside its container's ids ", id_base_, " to ",
                  id_base_ + kIdCount - 1);
    return id - id_base_;
  }
  Result<void> check_range(const std::string& path, const struct stat& info) const {
    TRY(plain(path, info.st_uid));
    TRY(plain(path, info.st_gid));
    return {};
  }

  static std::optional<std::string> attribute(const std::string& path, const char* name) {
    std::string value(kAttributeLimit, '\0');
    const ssize_t n = ::lgetxattr(path.c_str(), name, value.data(), value.size());
    if (n < 0) return std::nullopt;
    value.resize(static_cast<std::size_t>(n));
    return value;
  }

  // A capability set inside a user namespace names the id of that namespace's root. A layer's root
  // is id 0, and an idmapped mount makes that the root of whoever uses it.
  Result<void> restore_capability(const std::string& path, std::string value) const {
    if (value.size() == sizeof(vfs_ns_cap_data)) {
      vfs_ns_cap_data data;
      std::memcpy(&data, value.data(), sizeof data);
      if (data.rootid >= id_base_) data.rootid -= id_base_;
      if (data.rootid == 0) {
        data.magic_etc = (data.magic_etc & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2;
        value.resize(sizeof(vfs_cap_data));
      }
      std::memcpy(value.data(), &data, value.size());
    }
    if (::lsetxattr(path.c_str(), kCapability, value.data(), value.size(), 0) != 0)
      return sys_fail(cat("restore the capabilities of ", path));
    return {};
  }

  Result<void> shift_access_list(const std::string& path, const char* name) const {
    std::optional<std::string> value = attribute(path, name);
    if (!value) return {};
    for (std::size_t at = sizeof(posix_acl_xattr_header);
         at + sizeof(posix_acl_xattr_entry) <= value->size(); at += sizeof(posix_acl_xattr_entry)) {
      posix_acl_xattr_entry entry;
      std::memcpy(&entry, value->data() + at, sizeof entry);
      if (entry.e_tag != ACL_USER && entry.e_tag != ACL_GROUP) continue;
      ASSIGN_OR_RETURN(entry.e_id, plain(path, entry.e_id));
      std::memcpy(value->data() + at, &entry, sizeof entry);
    }
    if (::lsetxattr(path.c_str(), name, value->data(), value->size(), 0) != 0)
      return sys_fail(cat("set ", name, " of ", path));
    return {};
  }

  const std::uint32_t id_base_;
  std::set<std::pair<dev_t, ino_t>> shifted_;
};

}  // namespace

Result<void> shift_owners_to_plain(const std::string& root, std::uint32_t id_base) {
  char* paths[] = {const_cast<char*>(root.c_str()), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> walk(
      ::fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr), ::fts_close);
  if (!walk) return sys_fail(cat("walk ", root));
  Shifter shifter(id_base);
  while (FTSENT* entry = ::fts_read(walk.get())) {
    if (entry->fts_info == FTS_DP) continue;
    if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
      return sys_fail(cat("walk ", entry->fts_path), entry->fts_errno);
    TRY(shifter.shift(entry->fts_path, *entry->fts_statp));
  }
  return {};
}

Result<void> mark_opaque(const std::string& folder) {
  for (const char* name : kOpaqueNames)
    if (::lsetxattr(folder.c_str(), name, "y", 1, 0) != 0)
      return sys_fail(cat("set ", name, " of ", folder));
  return {};
}

bool is_opaque(const std::string& folder) {
  for (const char* name : kOpaqueNames) {
    char value = 0;
    if (::lgetxattr(folder.c_str(), name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

}  // namespace ionian::images
