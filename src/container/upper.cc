#include "container/upper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

namespace ionian::container {
namespace {

Result<UniqueFd> make_folder(const std::string& path, const IdRange& ids) {
  TRY(make_folders(path));
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return sys_fail(cat("open ", path));
  if (::fchown(folder.get(), ids.base, ids.base) != 0 || ::fchmod(folder.get(), 0755) != 0)
    return sys_fail(cat("give ", path, " to the container"));
  return folder;
}

}  // namespace

Result<Upper> make_upper(const ContainerSpec& spec, const IdRange& ids) {
  Upper made;
  made.folders = {spec.upper_work_dir()};
  if (!spec.keep_upper()) made.folders.push_back(spec.upper_dir());
  ASSIGN_OR_RETURN(made.upper, make_folder(spec.upper_dir(), ids));
  ASSIGN_OR_RETURN(made.work, make_folder(spec.upper_work_dir(), ids));
  return made;
}

}  // namespace ionian::container
