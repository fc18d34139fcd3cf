#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace ionian {

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return sys_fail(cat("open ", path));
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_fail(cat("read ", path));
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > limit)
      return fail(Code::kInvalidArgument, path, " is larger than ", limit, " bytes");
  }
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_fail("write");
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> sync_folder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return sys_fail(cat("open ", path));
  if (::fsync(fd.get()) != 0) return sys_fail(cat("fsync ", path));
  return {};
}

UniqueFd open_below(int root, const std::string& path, int flags, std::uint64_t resolve) {
  const open_how how{
      .flags = static_cast<std::uint64_t>(flags | O_CLOEXEC), .mode = 0, .resolve = resolve};
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Result<void> write_file_durably(const std::string& path, std::string_view data, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return sys_fail(cat("create a file beside ", path));
  const auto write_and_swap = [&]() -> Result<void> {
    TRY(write_all(fd.get(), data));
    if (::fchmod(fd.get(), mode) != 0) return sys_fail(cat("chmod ", temporary));
    if (::fsync(fd.get()) != 0) return sys_fail(cat("fsync ", temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return sys_fail(cat("rename to ", path));
    const std::string folder = std::filesystem::path(path).parent_path();
    return sync_folder(folder.empty() ? "." : folder);
  };
  Result<void> done = write_and_swap();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<void> write_file(const std::string& path, std::string_view data, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return sys_fail(cat("open ", path));
  if (Result<void> done = write_all(fd.get(), data); !done) return prepend(path, done.error());
  return {};
}

Result<void> copy_to_new(int from, const std::string& path, mode_t mode) {
  const UniqueFd to(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to) return sys_fail(cat("create ", path));
  for (ssize_t n; (n = ::copy_file_range(from, nullptr, to.get(), nullptr, 64 << 20, 0)) != 0;)
    if (n < 0 && errno != EINTR) return sys_fail(cat("copy to ", path));
  if (::fchmod(to.get(), mode) != 0) return sys_fail(cat("chmod ", path));
  return {};
}

Result<void> make_folders(const std::string& path, mode_t mode) {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return sys_fail(cat("mkdir ", part));
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  // Somebody else may be removing parts of it too; what is gone under our feet is only gone sooner.
  std::error_code error = std::make_error_code(std::errc::no_such_file_or_directory);
  for (int tries = 0; tries < 8 && error == std::errc::no_such_file_or_directory; ++tries)
    std::filesystem::remove_all(path, error);
  if (error) return fail(Code::kInternal, "remove ", path, ": ", error.message());
  return {};
}

}  // namespace ionian
