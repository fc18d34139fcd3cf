// Files and mount points inside. All of it runs after the change of root, as the container's root,
// so that no link in an image leads out of it.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "container/contain.h"

namespace ionian::container {
namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Result<UniqueFd> create_file(const std::string& path, int flags) {
  TRY(make_folders(parent_of(path)));
  const auto open = [&] {
    return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644));
  };
  UniqueFd file = open();
  // A link into nowhere, as images of systemd have in /etc/resolv.conf, gives way.
  if (!file && errno == ENOENT && ::unlink(path.c_str()) == 0) file = open();
  if (!file) return sys_fail(cat("create ", path));
  return file;
}

}  // namespace

Result<void> make_mount_point(const std::string& target, bool folder) {
  if (!target.starts_with('/'))
    return fail(Code::kInvalidArgument, "mount point ", target, " is not absolute");
  if (folder) return make_folders(target);
  if (::access(target.c_str(), F_OK) == 0) return {};
  TRY(create_file(target, 0));
  return {};
}

Result<void> write_files(const ContainerSpec& spec, const User& owner) {
  for (const File& file : spec.files()) {
    if (!file.path().starts_with('/'))
      return fail(Code::kInvalidArgument, "file ", file.path(), " is not absolute");
    ASSIGN_OR_RETURN(UniqueFd out, create_file(file.path(), O_TRUNC));
    if (Result<void> done = write_all(out.get(), file.content()); !done)
      return prepend(file.path(), done.error());
    if (::fchown(out.get(), owner.uid, owner.gid) != 0) return sys_fail(cat("chown ", file.path()));
    if (::fchmod(out.get(), file.mode() ? file.mode() & 07777 : 0644) != 0)
      return sys_fail(cat("chmod ", file.path()));
  }
  return {};
}

}  // namespace ionian::container
