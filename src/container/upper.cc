#include "container/upper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace ionian::container {
namespace {

Result<UniqueFd> open_folder(int at, const std::string& path, const IdRange& ids) {
  UniqueFd folder(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return sys_fail(cat("open ", path));
  if (::fchown(folder.get(), ids.base, ids.base) != 0 || ::fchmod(folder.get(), 0755) != 0)
    return sys_fail(cat("give ", path, " to the container"));
  return folder;
}

}  // namespace

Result<Upper> make_upper(const ContainerSpec& spec, const IdRange& ids, DiskPool& disks) {
  Upper made;
  if (spec.disk_bytes()) {
    ASSIGN_OR_RETURN(made.filesystem, spec.background() ? disks.make(spec.disk_bytes())
                                                        : disks.take(spec.disk_bytes()));
    ASSIGN_OR_RETURN(made.upper, open_folder(made.filesystem.get(), "upper", ids));
    ASSIGN_OR_RETURN(made.work, open_folder(made.filesystem.get(), "work", ids));
    return made;
  }
  made.folders = {spec.upper_work_dir()};
  if (!spec.keep_upper()) made.folders.push_back(spec.upper_dir());
  TRY(make_folders(spec.upper_dir()));
  TRY(make_folders(spec.upper_work_dir()));
  ASSIGN_OR_RETURN(made.upper, open_folder(AT_FDCWD, spec.upper_dir(), ids));
  ASSIGN_OR_RETURN(made.work, open_folder(AT_FDCWD, spec.upper_work_dir(), ids));
  return made;
}

}  // namespace ionian::container
