#include "container/rootfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>

#include "container/syscalls.h"

namespace ionian::container {
namespace {

class FileSystem {
 public:
  static Result<FileSystem> open(const char* type) {
    FileSystem fs;
    fs.context_.reset(::fsopen(type, FSOPEN_CLOEXEC));
    if (!fs.context_) return sys_fail(cat("fsopen ", type));
    fs.type_ = type;
    return fs;
  }
  Result<void> set(const char* key, const std::string& value) {
    if (::fsconfig(context_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0)
      return sys_fail(cat(type_, " option ", key, "=", value));
    return {};
  }
  Result<void> set_flag(const char* key) {
    if (::fsconfig(context_.get(), FSCONFIG_SET_FLAG, key, nullptr, 0) != 0)
      return sys_fail(cat(type_, " option ", key));
    return {};
  }
  Result<UniqueFd> mount(unsigned attributes) {
    if (::fsconfig(context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
      return sys_fail(cat("create a ", type_));
    UniqueFd mount(::fsmount(context_.get(), FSMOUNT_CLOEXEC, attributes));
    if (!mount) return sys_fail(cat("mount a ", type_));
    return mount;
  }

 private:
  UniqueFd context_;
  const char* type_ = "";
};

Result<UniqueFd> open_clone(const std::string& source) {
  UniqueFd tree(::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return sys_fail(cat("clone the mount of ", source));
  return tree;
}

bool set_attributes(int mount, unsigned long set, int userns) {
  mount_attr attributes{.attr_set = set};
  if (userns >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(userns);
  }
  return ::mount_setattr(mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

Result<UniqueFd> mount_tmpfs(const IdRange& ids, unsigned attributes, std::uint64_t bytes = 1 << 20,
                             std::uint64_t files = 1 << 10) {
  ASSIGN_OR_RETURN(FileSystem fs, FileSystem::open("tmpfs"));
  TRY(fs.set("source", "tmpfs"));
  // Not the default 1777: in a sticky folder the kernel refuses `> /dev/null`, which opens with
  // O_CREAT.
  TRY(fs.set("mode", "755"));
  TRY(fs.set("size", cat(bytes)));
  TRY(fs.set("nr_inodes", cat(files)));
  TRY(fs.set("uid", cat(ids.base)));
  TRY(fs.set("gid", cat(ids.base)));
  return fs.mount(attributes);
}

struct Node {
  const char* name;
  unsigned major, minor;
};
constexpr Node kNodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                           {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
struct Link {
  const char *name, *to;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"},
                           {"ptmx", "pts/ptmx"}};
constexpr const char* kDevFolders[] = {"pts", "shm", "mqueue"};
constexpr const char* kSysFolders[] = {"fs", "fs/cgroup", "devices", "class", "kernel"};

Result<void> make_owned_folder(int at, const char* name, const IdRange& ids) {
  if (::mkdirat(at, name, 0755) != 0 || ::fchownat(at, name, ids.base, ids.base, 0) != 0)
    return sys_fail(cat("mkdir ", name));
  return {};
}

}  // namespace

Result<Rootfs> mount_rootfs(const RootfsOptions& options, const IdRange& ids) {
  ASSIGN_OR_RETURN(FileSystem fs, FileSystem::open("overlay"));
  TRY(fs.set("source", "overlay"));
  Rootfs rootfs;
  // The kernel takes the topmost first.
  for (auto lower = options.lowers.rbegin(); lower != options.lowers.rend(); ++lower) {
    ASSIGN_OR_RETURN(UniqueFd tree, open_clone(*lower));
    if (!set_attributes(tree.get(), MOUNT_ATTR_RDONLY, ids.userns.get()))
      return sys_fail(cat("map the ids of ", *lower));
    if (Result<void> done = fs.set("lowerdir+", fd_path(tree.get())); !done)
      return fail(Code::kFailedPrecondition, "stack the layer ", *lower,
                  " (needs Linux 6.15 or later): ", done.error().message);
    rootfs.lowers.push_back(std::move(tree));
  }
  TRY(fs.set("upperdir", fd_path(options.upper)));
  TRY(fs.set("workdir", fd_path(options.work)));
  // A container's files need not survive a crash of the machine; a layer is synced once, when it is
  // kept.
  TRY(fs.set_flag("volatile"));
  // Layers stay readable without each other's history.
  TRY(fs.set("metacopy", "off"));
  TRY(fs.set("redirect_dir", options.renames_folders ? "on" : "off"));
  TRY(fs.set("index", "off"));
  ASSIGN_OR_RETURN(rootfs.mount, fs.mount(MOUNT_ATTR_NODEV));
  return rootfs;
}

Result<UniqueFd> clone_mount(const std::string& source, Access access, const IdRange& ids) {
  ASSIGN_OR_RETURN(UniqueFd tree, open_clone(source));
  const unsigned long attributes =
      MOUNT_ATTR_NOSUID | (access == Access::kDevice ? MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV) |
      (access == Access::kReadOnly ? MOUNT_ATTR_RDONLY : 0);
  if (!set_attributes(tree.get(), attributes, ids.userns.get())) {
    if (errno != EINVAL || !set_attributes(tree.get(), attributes, -1))
      return sys_fail(cat("set the attributes of the mount of ", source));
  }
  return tree;
}

Result<ServedMount> mount_served(const Served& served, const IdRange& ids) {
  ServedMount made;
  made.device.reset(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!made.device)
    return fail(Code::kFailedPrecondition, "this machine has no FUSE, with which ", served.target(),
                " would be mounted: open /dev/fuse: ", ::strerror(errno));
  ASSIGN_OR_RETURN(FileSystem fs, FileSystem::open("fuse"));
  TRY(fs.set("source", "bucket"));
  TRY(fs.set("fd", cat(made.device.get())));
  TRY(fs.set("rootmode", "40000"));
  TRY(fs.set("user_id", cat(ids.base)));
  TRY(fs.set("group_id", cat(ids.base)));
  // Everybody inside, in whatever namespace of users; who may what is for the server to say.
  TRY(fs.set_flag("allow_other"));
  ASSIGN_OR_RETURN(made.mount, fs.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                        (served.read_only() ? MOUNT_ATTR_RDONLY : 0)));
  return made;
}

Result<UniqueFd> mount_memory(std::uint64_t bytes, const IdRange& ids) {
  constexpr std::uint64_t kBytesPerFile = 16 << 10;
  return mount_tmpfs(ids, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME, bytes,
                     bytes / kBytesPerFile);
}

Result<UniqueFd> mount_dev(const IdRange& ids) {
  ASSIGN_OR_RETURN(UniqueFd dev, mount_tmpfs(ids, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  for (const Node& node : kNodes)
    if (::mknodat(dev.get(), node.name, S_IFCHR | 0666, makedev(node.major, node.minor)) != 0 ||
        ::fchownat(dev.get(), node.name, ids.base, ids.base, 0) != 0)
      return sys_fail(cat("make /dev/", node.name));
  for (const Link& link : kLinks)
    if (::symlinkat(link.to, dev.get(), link.name) != 0)
      return sys_fail(cat("make /dev/", link.name));
  for (const char* folder : kDevFolders) TRY(make_owned_folder(dev.get(), folder, ids));
  return dev;
}

Result<UniqueFd> mount_sys(const IdRange& ids) {
  ASSIGN_OR_RETURN(UniqueFd sys,
                   mount_tmpfs(ids, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV));
  for (const char* folder : kSysFolders) TRY(make_owned_folder(sys.get(), folder, ids));
  if (!set_attributes(sys.get(), MOUNT_ATTR_RDONLY, -1)) return sys_fail("make /sys read-only");
  return sys;
}

}  // namespace ionian::container
