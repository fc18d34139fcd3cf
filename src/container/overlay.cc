// Volumes inside of containers: an overlay each, and its exchange for another one while the
// container runs.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "container/contain.h"
#include "container/rootfs.h"
#include "container/syscalls.h"
#include "container/upper.h"

namespace ionian::container {
namespace {

// A folder of the tree, made if it is missing. Links are not followed: they are the tenant's.
Result<UniqueFd> make_sub_path(const UniqueFd& root, const std::string& path, const IdRange& ids) {
  UniqueFd at(::fcntl(root.get(), F_DUPFD_CLOEXEC, 3));
  for (std::string rest = path; at && !rest.empty();) {
    const std::string name = rest.substr(0, rest.find('/'));
    rest.erase(0, std::min(rest.size(), name.size() + 1));
    const bool made = ::mkdirat(at.get(), name.c_str(), 0755) == 0;
    UniqueFd next(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return sys_fail(cat("enter ", name, " of the volume"));
    if (made && ::fchownat(at.get(), name.c_str(), ids.base, ids.base, AT_SYMLINK_NOFOLLOW) != 0)
      return sys_fail(cat("make ", name, " in the volume"));
    at = std::move(next);
  }
  return at;
}

Result<void> exchange(int mount, const std::string& target, int init_pidfd, bool& busy) {
  TRY(enter_namespaces(init_pidfd));
  // The first such call changes nothing: it says whether anything there is in use.
  busy = ::umount2(target.c_str(), MNT_EXPIRE | UMOUNT_NOFOLLOW) != 0 && errno == EBUSY;
  if (busy) return fail(Code::kFailedPrecondition, target, " is in use");
  // Beneath the old one, which then goes: there is no moment without either.
  if (::move_mount(mount, "", AT_FDCWD, target.c_str(),
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH) != 0)
    return sys_fail(cat("mount beneath ", target));
  busy = ::umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0 && errno == EBUSY;
  if (busy) return fail(Code::kFailedPrecondition, target, " is in use");
  return {};
}

}  // namespace

Result<Rootfs> mount_overlay(const Overlay& overlay, bool open_to_all, const IdRange& ids) {
  ASSIGN_OR_RETURN(const UniqueFd upper,
                   make_owned_folder(overlay.upper_dir(), ids, open_to_all ? 0777 : 0755));
  ASSIGN_OR_RETURN(const UniqueFd work, make_owned_folder(overlay.upper_work_dir(), ids, 0755));
  ASSIGN_OR_RETURN(Rootfs made,
                   mount_rootfs({.lowers = {overlay.lowers().begin(), overlay.lowers().end()},
                                 .upper = upper.get(),
                                 .work = work.get(),
                                 .renames_folders = true},
                                ids));
  UniqueFd& mount = made.mount;
  if (!overlay.sub_path().empty()) {
    ASSIGN_OR_RETURN(const UniqueFd folder, make_sub_path(mount, overlay.sub_path(), ids));
    mount.reset(::open_tree(folder.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!mount) return sys_fail(cat("mount only /", overlay.sub_path(), " of the volume"));
  }
  mount_attr attributes{.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  if (overlay.read_only()) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    return sys_fail(cat("set the attributes of the volume at ", overlay.target()));
  return made;
}

void exchange_mount(int mount, const std::string& target, int report, int init_pidfd) {
  bool busy = false;
  const Result<void> done = exchange(mount, target, init_pidfd, busy);
  send_report(report,
              done   ? Report::kExchanged
              : busy ? Report::kBusy
                     : Report::kError,
              done ? std::string_view() : std::string_view(done.error().message));
  ::_exit(done ? 0 : 1);
}

}  // namespace ionian::container
