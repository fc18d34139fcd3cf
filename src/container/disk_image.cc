#include "container/disk_image.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "base/file.h"
#include "container/syscalls.h"

extern char** environ;

namespace ionian::container {
namespace {

constexpr std::uint64_t kLeastBytes = 16 << 20;
constexpr std::size_t kReady = 4;
constexpr int kLoopTries = 64;  // another process may take the free one before us

Result<void> run_mkfs(const std::string& path) {
  // No journal: the file system does not outlive a crash. No reserve: root inside is the user. Few
  // copies of what describes it, close together: all of that is copied for each container.
  std::string args[] = {"mkfs.ext4",
                        "-q",
                        "-F",
                        "-b",
                        "4096",
                        "-O",
                        "^has_journal,^resize_inode,flex_bg,sparse_super2",
                        "-G",
                        "256",
                        "-i",
                        "32768",
                        "-m",
                        "0",
                        "-E",
                        "lazy_itable_init=1,nodiscard",
                        path};
  std::vector<char*> pointers;
  for (std::string& arg : args) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  // The program must not inherit that all signals are blocked.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid;
  int error = ENOENT;
  for (const char* program : {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"})
    if (error != 0)
      error = ::posix_spawn(&pid, program, nullptr, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return fail(Code::kFailedPrecondition, "a disk bound needs mkfs.ext4 (package e2fsprogs)");
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0)
    return fail(Code::kInternal, "mkfs.ext4 failed on ", path);
  return {};
}

Result<UniqueFd> open_template(const std::string& folder, std::uint64_t bytes) {
  const std::string path = cat(folder, "/disk-", bytes);
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file) return file;
  const std::string unfinished = path + ".new";
  file.reset(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    return sys_fail(cat("create ", unfinished));
  TRY(run_mkfs(unfinished));
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return sys_fail(cat("rename ", unfinished));
  return file;
}

// Only what is written there; the holes stay holes.
Result<void> copy_sparse(int from, int to, std::uint64_t bytes) {
  const off_t end = static_cast<off_t>(bytes);
  if (::ftruncate(to, end) != 0) return sys_fail("set the size of a disk image");
  for (off_t at = 0; at < end;) {
    off_t begin = ::lseek(from, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return {};
    const off_t stop = begin < 0 ? -1 : ::lseek(from, begin, SEEK_HOLE);
    if (stop < 0) return sys_fail("find the data of a disk image");
    off_t target = begin;
    while (begin < stop)
      if (::copy_file_range(from, &begin, to, &target, static_cast<std::size_t>(stop - begin), 0) <=
          0)
        return sys_fail("copy a disk image");
    at = stop;
  }
  return {};
}

Result<UniqueFd> create_unnamed(const std::string& folder) {
  UniqueFd file(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!file) return sys_fail(cat("create a disk image in ", folder));
  return file;
}

// The device frees itself when it is closed last.
Result<UniqueFd> attach_loop(int image, std::string& device) {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return sys_fail("open /dev/loop-control");
  for (int i = 0; i < kLoopTries; ++i) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return sys_fail("get a loop device");
    device = cat("/dev/loop", number);
    UniqueFd loop(::open(device.c_str(), O_RDWR | O_CLOEXEC));
    // Direct: what is cached once, and charged to the container, need not be cached again.
    loop_config config{.fd = static_cast<std::uint32_t>(image), .block_size = 4096};
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    if (loop && ::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY && errno != ENXIO) return sys_fail(cat("set up ", device));
  }
  return fail(Code::kResourceExhausted, "no loop device stays free");
}

}  // namespace

Result<UniqueFd> mount_disk_image(const std::string& folder, std::uint64_t bytes) {
  if (bytes < kLeastBytes)
    return fail(Code::kInvalidArgument, "a disk bound of ", bytes, " bytes is under 16 MiB");
  bytes &= ~std::uint64_t{4095};
  ASSIGN_OR_RETURN(const UniqueFd original, open_template(folder, bytes));
  ASSIGN_OR_RETURN(const UniqueFd image, create_unnamed(folder));
  TRY(copy_sparse(original.get(), image.get(), bytes));
  std::string device;
  ASSIGN_OR_RETURN(const UniqueFd loop, attach_loop(image.get(), device));

  const UniqueFd context(::fsopen("ext4", FSOPEN_CLOEXEC));
  if (!context ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", device.c_str(), 0) != 0 ||
      // A file that is deleted inside frees its space outside.
      ::fsconfig(context.get(), FSCONFIG_SET_FLAG, "discard", nullptr, 0) != 0 ||
      // The file's holes read as zeros: no kernel thread need write them first.
      ::fsconfig(context.get(), FSCONFIG_SET_FLAG, "noinit_itable", nullptr, 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return sys_fail(cat("create a file system on ", device));
  UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC,
                           MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME));
  if (!mount) return sys_fail(cat("mount ", device));
  return mount;
}

Result<void> make_upper_folders(int disk) {
  for (const char* name : {"upper", "work"})
    if (::mkdirat(disk, name, 0755) != 0) return sys_fail(cat("mkdir ", name, " on a disk"));
  return {};
}

Result<UniqueFd> DiskPool::make(std::uint64_t bytes) const {
  ASSIGN_OR_RETURN(UniqueFd disk, mount_disk_image(folder_, bytes));
  // Here, too, since a folder of a new file system is read and written block by block.
  TRY(make_upper_folders(disk.get()));
  return disk;
}

Result<UniqueFd> DiskPool::take(std::uint64_t bytes) {
  failed_ = false;
  if (bytes_ != bytes) ready_.clear();
  bytes_ = bytes;
  if (ready_.empty()) return make(bytes);
  UniqueFd disk = std::move(ready_.back());
  ready_.pop_back();
  return disk;
}

bool DiskPool::refill(Stock stock) {
  if (bytes_ == 0 || failed_ || ready_.size() >= wanted(stock, kReady)) return false;
  Result<UniqueFd> made = make(bytes_);
  failed_ = !made;
  if (made) ready_.push_back(std::move(*made));
  return made.has_value();
}

}  // namespace ionian::container
