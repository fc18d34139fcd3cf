#include "images/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "base/fd.h"
#include "base/file.h"

namespace ionian::images {
namespace {

struct FreeWriter {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeReader {
  void operator()(archive* a) const { archive_read_free(a); }
};

class Packer {
 public:
  explicit Packer(const std::string& out) : out_(out), writer_(archive_write_new()) {}

  Result<void> open(int fd) {
    archive_write_add_filter_zstd(writer_.get());
    archive_write_set_format_pax_restricted(writer_.get());
    return check(archive_write_open_fd(writer_.get(), fd));
  }

  Result<void> add(const PackItem& item) {
    const UniqueFd root(::open(item.path.c_str(), O_PATH | O_CLOEXEC));
    const std::unique_ptr<archive, FreeReader> disk(archive_read_disk_new());
    archive_read_disk_set_symlink_physical(disk.get());
    if (archive_read_disk_open(disk.get(), item.path.c_str()) != ARCHIVE_OK)
      return fail(Code::kFailedPrecondition, "cannot read ", item.path, ": ",
                  archive_error_string(disk.get()));
    for (;;) {
      archive_entry* entry = nullptr;
      const int read = archive_read_next_header(disk.get(), &entry);
      if (read == ARCHIVE_EOF) return {};
      if (read == ARCHIVE_FAILED && archive_errno(disk.get()) == ENOENT) continue;
      if (read < ARCHIVE_WARN)
        return fail(Code::kFailedPrecondition, "cannot read ", item.path, ": ",
                    archive_error_string(disk.get()));
      archive_read_disk_descend(disk.get());
      const std::string below = std::string(archive_entry_pathname(entry)).substr(item.path.size());
      archive_entry_copy_pathname(entry, (item.name + below).c_str());
      TRY(add_entry(entry, root.get(), item.path, below));
    }
  }

  Result<std::uint64_t> close() {
    TRY(check(archive_write_close(writer_.get())));
    return bytes_;
  }

 private:
  // Containers may change what they have mounted while it is read: no link that they put in a
  // folder's place leads out of the item, and no pipe in a file's place holds this up.
  static UniqueFd open_file(int root, const std::string& path, const std::string& below) {
    constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    if (below.empty()) return UniqueFd(::open(path.c_str(), kFlags));
    return open_below(root, below.substr(1), kFlags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  }

  // It is no file any more, or a folder on the way to it is none.
  static bool is_gone(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO;
  }

  Result<void> add_entry(archive_entry* entry, int root, const std::string& path,
                         const std::string& below) {
    if (archive_entry_filetype(entry) == AE_IFSOCK) return {};
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_size(entry) == 0)
      return check(archive_write_header(writer_.get(), entry));
    const UniqueFd fd = open_file(root, path, below);
    struct stat now{};
    if (!fd && is_gone(errno)) return {};
    if (!fd || ::fstat(fd.get(), &now) != 0) return sys_fail(cat("cannot read ", path, below));
    if (!S_ISREG(now.st_mode)) return {};
    TRY(check(archive_write_header(writer_.get(), entry)));
    for (;;) {
      const ssize_t n = ::read(fd.get(), buffer_.data(), buffer_.size());
      if (n < 0) return sys_fail(cat("cannot read ", path, below));
      if (n == 0) return {};
      const la_ssize_t written =
          archive_write_data(writer_.get(), buffer_.data(), static_cast<std::size_t>(n));
      if (written < 0) return check(ARCHIVE_FATAL);
      bytes_ += static_cast<std::uint64_t>(written);
      if (written < n) return {};  // it has grown
    }
  }

  Result<void> check(int result) {
    if (result >= ARCHIVE_WARN) return {};
    const bool full = archive_errno(writer_.get()) == ENOSPC;
    return fail(full ? Code::kResourceExhausted : Code::kFailedPrecondition, "cannot write ", out_,
                ": ", archive_error_string(writer_.get()));
  }

  const std::string out_;
  const std::unique_ptr<archive, FreeWriter> writer_;
  std::string buffer_ = std::string(1 << 20, '\0');
  std::uint64_t bytes_ = 0;
};

Result<std::uint64_t> pack_into(const std::string& out, const std::string& beside,
                                const std::vector<PackItem>& items) {
  UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return sys_fail(cat("cannot write ", beside));
  Packer packer(out);
  TRY(packer.open(fd.get()));
  for (const PackItem& item : items) TRY(packer.add(item));
  ASSIGN_OR_RETURN(const std::uint64_t bytes, packer.close());
  if (::fsync(fd.get()) != 0 || ::rename(beside.c_str(), out.c_str()) != 0)
    return sys_fail(cat("cannot write ", out));
  return bytes;
}

}  // namespace

Result<std::uint64_t> pack(const std::string& out, const std::vector<PackItem>& items) {
  const std::string beside = out + ".part";
  Result<std::uint64_t> done = pack_into(out, beside, items);
  if (!done) ::unlink(beside.c_str());
  return done;
}

}  // namespace ionian::images
