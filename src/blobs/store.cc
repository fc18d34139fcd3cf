#include "blobs/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/file.h"
#include "base/names_in.h"
#include "base/random.h"

namespace ionian::blobs {
namespace {

// As futimens() takes it. The time of the last change is the file's own, which mounts show.
std::array<timespec, 2> used_at(Time t) {
  const auto ns = t.time_since_epoch().count();
  return {timespec{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000},
          timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
}

// The time of a file's last access says it: readers move it on as well, which does no harm.
bool used_since(const std::string& path, Time when) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return false;
  const timespec& at = info.st_atim;
  return Time(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec)) >= when;
}

}  // namespace

Result<BlobStore> BlobStore::open_folder(std::string root, const Clock& clock) {
  TRY(make_folders(root));
  TRY(remove_tree(cat(root, "/tmp")));
  TRY(make_folders(cat(root, "/tmp")));
  return BlobStore(std::move(root), clock);
}

BlobStore::Writer::Writer(const BlobStore& store, UniqueFd fd, std::string path,
                          std::uint64_t limit)
    : store_(&store), fd_(std::move(fd)), path_(std::move(path)), limit_(limit) {}

BlobStore::Writer::~Writer() {
  if (fd_ && !path_.empty()) ::unlink(path_.c_str());
}

Result<void> BlobStore::Writer::write(std::string_view data) {
  if (data.size() > limit_ - size_)
    return fail(Code::kResourceExhausted, "the content is longer than the ", limit_,
                " bytes that were announced");
  TRY(write_all(fd_.get(), data));
  size_ += data.size();
  sha256_.update(data);
  md5_.update(data);
  return {};
}

Result<BlobInfo> BlobStore::Writer::commit(const Expected& expected) {
  CHECK(!path_.empty());
  BlobInfo info{sha256_.hex(), md5_.hex(), size_};
  if (expected.size && *expected.size != info.size)
    return fail(Code::kInvalidArgument, "the content has ", info.size, " bytes, announced were ",
                *expected.size);
  if (expected.sha256 && *expected.sha256 != info.sha256)
    return fail(Code::kInvalidArgument, "the content's sha256 is ", info.sha256, ", announced was ",
                *expected.sha256);

  // The disk has the same to do if the blob is there already. How long that takes would tell one
  // workspace what another has stored; and the writer that renamed it may not have synced it yet.
  const std::string path = store_->path_of(info.sha256);
  const std::string& root = store_->root_;
  const std::string first = cat(root, '/', info.sha256.substr(0, 2));
  const std::string second = cat(first, '/', info.sha256.substr(2, 2));
  for (const std::string& folder : {first, second})
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return sys_fail(cat("make ", folder));
  if (::futimens(fd_.get(), used_at(store_->clock_->now()).data()) != 0)
    return sys_fail(cat("set the time of ", path_));
  if (::fsync(fd_.get()) != 0) return sys_fail(cat("fsync ", path_));
  if (store_->touch_path(path))
    ::unlink(path_.c_str());
  else if (::rename(path_.c_str(), path.c_str()) != 0)
    return sys_fail(cat("rename ", path_, " to ", path));
  // The file stays open: freeing what is not needed takes its time too.
  path_.clear();
  for (const std::string& folder : {cat(root, "/tmp"), second, first, root})
    TRY(sync_folder(folder));
  return info;
}

Result<BlobStore::Writer> BlobStore::writer(std::uint64_t limit) const {
  SystemRandom random;
  std::string path = cat(root_, "/tmp/", random_base62(random, 22));
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return sys_fail(cat("create ", path));
  // The umask must not make the file unreadable for the containers that see it through a mount.
  if (::fchmod(fd.get(), 0644) != 0) return sys_fail(cat("chmod ", path));
  return Writer(*this, std::move(fd), std::move(path), limit);
}

Result<BlobInfo> BlobStore::put(std::string_view bytes) const {
  ASSIGN_OR_RETURN(Writer out, writer());
  TRY(out.write(bytes));
  return out.commit();
}

bool BlobStore::exists(std::string_view sha256) const {
  return is_sha256_hex(sha256) && ::access(path_of(sha256).c_str(), F_OK) == 0;
}

Result<OpenBlob> BlobStore::open(std::string_view sha256) const {
  if (!is_sha256_hex(sha256))
    return fail(Code::kInvalidArgument, "not a sha256 in lower-case hex: ", sha256);
  const std::string path = path_of(sha256);
  OpenBlob blob{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))};
  if (!blob.fd && errno == ENOENT)
    return fail(Code::kNotFound, "there is no blob with the sha256 ", sha256);
  struct stat info;
  if (!blob.fd || ::fstat(blob.fd.get(), &info) != 0) return sys_fail(cat("open ", path));
  blob.size = static_cast<std::uint64_t>(info.st_size);
  return blob;
}

std::string BlobStore::path_of(std::string_view sha256) const {
  CHECK(is_sha256_hex(sha256));
  return cat(root_, "/", sha256.substr(0, 2), "/", sha256.substr(2, 2), "/", sha256);
}

bool BlobStore::touch(std::string_view sha256) const {
  return is_sha256_hex(sha256) && touch_path(path_of(sha256));
}

bool BlobStore::touch_path(const std::string& path) const {
  std::lock_guard lock(*removals_);
  return ::utimensat(AT_FDCWD, path.c_str(), used_at(clock_->now()).data(), 0) == 0;
}

std::vector<std::string> BlobStore::list_unused(unsigned part, Time before) const {
  std::vector<std::string> found;
  const char number = static_cast<char>(part);
  const std::string first = cat(root_, '/', to_hex({&number, 1}));
  for (const std::string& second : names_in(first))
    for (std::string& name : names_in(cat(first, '/', second)))
      if (is_sha256_hex(name) && !used_since(path_of(name), before))
        found.push_back(std::move(name));
  return found;
}

Result<void> BlobStore::remove_unused(std::vector<std::string> blobs, Time before,
                                      const Forget& forget) const {
  std::lock_guard lock(*removals_);
  std::erase_if(blobs, [&](auto& sha256) { return used_since(path_of(sha256), before); });
  if (blobs.empty()) return {};
  TRY(forget(blobs));
  for (const std::string& sha256 : blobs) {
    const std::string path = path_of(sha256);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return sys_fail(cat("remove ", path));
  }
  return {};
}

Result<bool> BlobStore::remove_if_damaged(const std::string& sha256, const Forget& forget) const {
  const Result<OpenBlob> blob = open(sha256);
  if (!blob) return false;
  Hasher hasher = Hasher::sha256();
  std::string piece(1 << 20, '\0');
  for (ssize_t n; (n = ::read(blob->fd.get(), piece.data(), piece.size())) != 0;) {
    if (n < 0) return sys_fail(cat("read ", path_of(sha256)));
    hasher.update(std::string_view(piece).substr(0, static_cast<std::size_t>(n)));
  }
  if (hasher.hex() == sha256) return false;
  std::lock_guard lock(*removals_);
  TRY(forget({sha256}));
  if (::unlink(path_of(sha256).c_str()) != 0) return sys_fail(cat("remove ", path_of(sha256)));
  return true;
}

}  // namespace ionian::blobs
