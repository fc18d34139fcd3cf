#include "client/config_store.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "base/fd.h"
#include "base/file.h"

namespace ionian::client {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr int kTriesMax = 16;
constexpr int kLinksMax = 40;  // as the kernel's own bound

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// The file that a write must replace for `path` to stay the link that it is.
Result<std::string> follow_links(std::string path) {
  for (int i = 0; i < kLinksMax; ++i) {
    char target[PATH_MAX];
    const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
    if (n < 0) return path;
    const std::string to(target, static_cast<std::size_t>(n));
    path = to.starts_with('/') ? to : cat(folder_of(path), "/", to);
  }
  return sys_fail(cat("follow ", path), ELOOP);
}

// Held while it lives. The file goes with the last holder, so nothing is left beside the user's
// file.
class Lock {
 public:
  Lock(Lock&&) = default;
  ~Lock() {
    if (fd_) ::unlink(path_.c_str());
  }

  static Result<Lock> take(std::string path) {
    for (;;) {
      UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!fd) return sys_fail(cat("create ", path));
      while (::flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) return sys_fail(cat("lock ", path));
      struct stat held, named;
      // Its last holder may have removed the file that this one waited for.
      if (::fstat(fd.get(), &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
          held.st_ino == named.st_ino)
        return Lock(std::move(path), std::move(fd));
    }
  }

 private:
  Lock(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  UniqueFd fd_;
};

Result<std::string> current_text(const std::string& path) {
  ASSIGN_OR_RETURN(const std::optional<StoredText> stored, read_config(path));
  // A rename would put a file in the place of a device or a pipe.
  if (stored && !S_ISREG(stored->mode))
    return fail(Code::kInvalidArgument, path, " is no regular file: it is not written");
  return stored ? stored->text : "";
}

// False: somebody else has changed the file since `before` was read.
Result<bool> swap(const std::string& path, const std::string& before, const std::string& after) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return sys_fail(cat("create a file beside ", path));
  const auto write_and_rename = [&]() -> Result<bool> {
    if (Result<void> done = write_all(fd.get(), after); !done)
      return prepend(temporary, done.error());
    if (::fsync(fd.get()) != 0) return sys_fail(cat("fsync ", temporary));
    ASSIGN_OR_RETURN(const std::string now, current_text(path));
    if (now != before) return false;
    if (::rename(temporary.c_str(), path.c_str()) != 0) return sys_fail(cat("rename to ", path));
    return true;
  };
  Result<bool> done = write_and_rename();
  if (!done || !*done) ::unlink(temporary.c_str());
  return done;
}

}  // namespace

std::string config_path() {
  if (const char* chosen = std::getenv("MODAL_CONFIG_PATH"); chosen && *chosen) return chosen;
  const char* home = std::getenv("HOME");
  if (!home) {
    const passwd* user = ::getpwuid(::getuid());
    home = user ? user->pw_dir : "";
  }
  std::string path = home;
  while (path.ends_with('/')) path.pop_back();
  return path + "/.modal.toml";
}

bool is_remote() {
  const char* remote = std::getenv("MODAL_IS_REMOTE");
  return remote && std::string_view(remote) == "1";
}

Result<std::optional<StoredText>> read_config(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return sys_fail(cat("read ", path));
  }
  if (S_ISDIR(info.st_mode)) return fail(Code::kInvalidArgument, path, " is a folder, not a file");
  ASSIGN_OR_RETURN(std::string text, read_file(path, kFileBytesMax));
  return StoredText{std::move(text), info.st_mode};
}

Result<void> rewrite_config(const std::string& path,
                            const std::function<Result<std::string>(const std::string&)>& change) {
  ASSIGN_OR_RETURN(const std::string file, follow_links(path));
  ASSIGN_OR_RETURN(const Lock lock, Lock::take(file + ".lock"));
  for (int i = 0; i < kTriesMax; ++i) {
    ASSIGN_OR_RETURN(const std::string before, current_text(file));
    ASSIGN_OR_RETURN(const std::string after, change(before));
    ASSIGN_OR_RETURN(const bool swapped, swap(file, before, after));
    if (swapped) return sync_folder(folder_of(file));
  }
  return fail(Code::kAborted, path, " was changed by another program all the time. Try again");
}

}  // namespace ionian::client
