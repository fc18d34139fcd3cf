#include "container/upper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "container/rootfs.h"

namespace ionian::container {
namespace {

Result<UniqueFd> open_folder(int at, const std::string& path, const IdRange& ids,
                             unsigned mode = 0755) {
  UniqueFd folder(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return sys_fail(cat("open ", path));
  if (::fchown(folder.get(), ids.base, ids.base) != 0 || ::fchmod(folder.get(), mode) != 0)
    return sys_fail(cat("give ", path, " to the container"));
  return folder;
}

}  // namespace

Result<UniqueFd> make_owned_folder(const std::string& path, const IdRange& ids, unsigned mode) {
  TRY(make_folders(path));
  return open_folder(AT_FDCWD, path, ids, mode);
}

Result<Upper> make_upper(const ContainerSpec& spec, const IdRange& ids, DiskPool& disks) {
  Upper made;
  if (spec.disk_bytes()) {
    if (spec.disk_in_memory()) {
      ASSIGN_OR_RETURN(made.filesystem, mount_memory(spec.disk_bytes(), ids));
      TRY(make_upper_folders(made.filesystem.get()));
    } else {
      ASSIGN_OR_RETURN(made.filesystem, disks.take(spec.disk_bytes()));
    }
    ASSIGN_OR_RETURN(made.upper, open_folder(made.filesystem.get(), "upper", ids));
    ASSIGN_OR_RETURN(made.work, open_folder(made.filesystem.get(), "work", ids));
    return made;
  }
  made.folders = {spec.upper_work_dir()};
  if (!spec.keep_upper()) made.folders.push_back(spec.upper_dir());
  ASSIGN_OR_RETURN(made.upper, make_owned_folder(spec.upper_dir(), ids, 0755));
  ASSIGN_OR_RETURN(made.work, make_owned_folder(spec.upper_work_dir(), ids, 0755));
  return made;
}

}  // namespace ionian::container
