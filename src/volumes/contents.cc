#include "volumes/contents.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/names_in.h"
#include "base/random.h"

namespace ionian::volumes {
namespace {

constexpr std::size_t kPiece = 1 << 20;
// From so many files on, writing back the whole file system takes less time than each of them.
constexpr std::size_t kSyncedOneByOne = 8;

std::string mode_text(std::uint32_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

constexpr std::string_view kDamaged = ".damaged";
constexpr std::size_t kModeLetters = 4;

// Copies `in` from its start, hashes it, and leaves holes where it has only zeros.
//   errors   CANCELLED by `pace`
Result<store::VolumeContent> copy_and_hash(int in, int out, const Contents::Pace& pace = {}) {
  BlockHasher hasher;
  std::string piece(kPiece, '\0');
  off_t at = 0;
  for (ssize_t n; (n = ::pread(in, piece.data(), piece.size(), at)) != 0; at += n) {
    if (n < 0 && errno == EINTR) {
      n = 0;
      continue;
    }
    if (n < 0) return sys_fail("read a file of a volume");
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
    hasher.update(bytes);
    if (out >= 0 && bytes.find_first_not_of('\0') != std::string_view::npos) {
      if (::lseek(out, at, SEEK_SET) < 0) return sys_fail("write a file of a volume");
      TRY(write_all(out, bytes));
    }
    if (pace && !pace(bytes.size())) return fail(Code::kCancelled, "nobody waits for it");
  }
  if (out >= 0 && ::ftruncate(out, at) != 0) return sys_fail("write a file of a volume");
  return hasher.finish();
}

Result<void> give_attributes(int fd, std::uint32_t mode, std::int64_t mtime_ns) {
  if (::fchmod(fd, mode & 07777) != 0) return sys_fail("set a file's mode");
  const timespec at{.tv_sec = mtime_ns / 1'000'000'000, .tv_nsec = mtime_ns % 1'000'000'000};
  const timespec times[2] = {at, at};
  if (::futimens(fd, times) != 0) return sys_fail("set a file's time");
  return {};
}

Result<void> sync_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return sys_fail(cat("fsync ", path));
  return {};
}

Result<void> sync_all(const std::string& root) {
  const UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0) return sys_fail(cat("write back the file system of ", root));
  return {};
}

std::string folder_part(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Result<std::unique_ptr<Contents>> Contents::open_folder(std::string root,
                                                        const Patience& patience) {
  TRY(make_folders(root, 0700));
  TRY(remove_tree(cat(root, "/tmp")));
  TRY(make_folders(cat(root, "/tmp"), 0700));
  return std::unique_ptr<Contents>(new Contents(std::move(root), patience));
}

std::shared_lock<std::shared_timed_mutex> Contents::share() {
  const std::lock_guard door(door_);
  return std::shared_lock(mutex_);
}

std::unique_lock<std::shared_timed_mutex> Contents::try_exclude() {
  std::unique_lock lock(mutex_, std::try_to_lock);
  const int in_vain = lock ? 0 : in_vain_ + 1;
  in_vain_ = in_vain > patience_.tries ? 0 : in_vain;
  if (in_vain <= patience_.tries) return lock;
  const std::lock_guard door(door_);
  is_waited_for_ = true;
  if (!lock.try_lock_for(patience_.wait))
    log::warning("volumes: files that nobody has any more stay on the disk for now: ", in_vain,
                 " times in a row somebody brought others, who did not end within ",
                 std::chrono::duration_cast<std::chrono::seconds>(patience_.wait).count(), " s");
  is_waited_for_ = false;
  return lock;
}

std::string Contents::folder_of(const WorkspaceId& workspace, std::string_view id) const {
  return cat(root_, '/', workspace, "/files/", blobs::to_hex(id.substr(0, 1)));
}

std::string Contents::path_of(const WorkspaceId& workspace, std::string_view id,
                              std::uint32_t mode) const {
  return cat(folder_of(workspace, id), '/', blobs::to_hex(id), '.', mode_text(mode));
}

std::vector<std::string> Contents::files_of(const WorkspaceId& workspace,
                                            std::string_view id) const {
  std::vector<std::string> found;
  const std::string folder = folder_of(workspace, id), name = blobs::to_hex(id) + ".";
  // The usual ones first: the folder is looked through only for others.
  for (const std::uint32_t mode : {0644U, 0600U, 0755U, 0664U})
    if (std::string path = path_of(workspace, id, mode); ::access(path.c_str(), F_OK) == 0)
      found.push_back(std::move(path));
  if (!found.empty()) return found;
  for (const std::string& each : names_in(folder))
    if (each.starts_with(name) && each.size() == name.size() + kModeLetters)
      found.push_back(cat(folder, '/', each));
  return found;
}

Contents::Batch::Batch(Contents& store, WorkspaceId workspace, Known known)
    : store_(&store),
      lock_(store.share()),
      workspace_(std::move(workspace)),
      known_(std::move(known)) {}

Contents::Batch::~Batch() {
  for (const Pending& p : pending_) ::unlink(p.from.c_str());
}

std::string Contents::Batch::temporary() const {
  SystemRandom random;
  return cat(store_->root_, "/tmp/", random_base62(random, 22));
}

Result<store::VolumeContent> Contents::Batch::keep(std::string path, store::VolumeContent content,
                                                   std::uint32_t mode) {
  std::string to = store_->path_of(workspace_, content.id, mode);
  const bool there = known_(content.id) && ::access(to.c_str(), F_OK) == 0;
  if (there || !names_.insert(to).second)
    ::unlink(path.c_str());
  else
    pending_.push_back({std::move(path), std::move(to)});
  return content;
}

Result<store::VolumeContent> Contents::Batch::add(int fd, std::uint32_t mode,
                                                  std::int64_t mtime_ns) {
  const std::string path = temporary();
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return sys_fail(cat("create ", path));
  Result<store::VolumeContent> content = copy_and_hash(fd, out.get());
  Result<void> given;
  if (content) given = give_attributes(out.get(), mode, mtime_ns);
  if (!content || !given) {
    ::unlink(path.c_str());
    return std::unexpected(content ? given.error() : content.error());
  }
  return keep(path, *std::move(content), mode);
}

Result<store::VolumeContent> Contents::Batch::add_lasting(const std::string& lasting,
                                                          std::uint32_t mode) {
  const UniqueFd in(::open(lasting.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!in || ::fstat(in.get(), &info) != 0) return sys_fail(cat("open ", lasting));
  const std::int64_t mtime = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
  if ((info.st_mode & 07777) != (mode & 07777)) return add(in.get(), mode, mtime);
  ASSIGN_OR_RETURN(store::VolumeContent content, copy_and_hash(in.get(), -1));
  const std::string path = temporary();
  if (::link(lasting.c_str(), path.c_str()) != 0) return add(in.get(), mode, mtime);
  return keep(path, std::move(content), mode);
}

void Contents::Batch::add_finished(const std::string& path, const store::VolumeContent& content,
                                   std::uint32_t mode) {
  ::chmod(path.c_str(), mode & 07777);
  (void)keep(path, content, mode);
}

Result<void> Contents::Batch::add_stored(const store::VolumeContent& content, std::uint32_t mode) {
  const std::string to = store_->path_of(workspace_, content.id, mode);
  // Without a record, nobody has made its name durable.
  if (names_.contains(to) || (known_(content.id) && ::access(to.c_str(), F_OK) == 0)) return {};
  for (const std::string& other : store_->files_of(workspace_, content.id)) {
    const UniqueFd in(::open(other.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info{};
    if (!in || ::fstat(in.get(), &info) != 0) continue;
    const std::int64_t mtime = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    ASSIGN_OR_RETURN(const store::VolumeContent copy, add(in.get(), mode, mtime));
    if (copy.id == content.id) return {};
    return fail(Code::kDataLoss, "a file of a volume has changed on disk: ", other);
  }
  return fail(Code::kDataLoss, "a file of a volume is missing on disk: ", to);
}

Result<void> Contents::Batch::commit() {
  if (pending_.empty()) return {};
  const bool one_by_one = pending_.size() <= kSyncedOneByOne;
  for (const Pending& p : pending_)
    if (one_by_one) TRY(sync_file(p.from));
  if (!one_by_one) TRY(sync_all(store_->root_));
  const std::string files = cat(store_->root_, '/', workspace_, "/files");
  TRY(make_folders(files, 0700));
  for (const Pending& p : pending_) {
    TRY(make_folders(folder_part(p.to), 0700));
    {
      std::lock_guard lock(store_->names_);
      if (::rename(p.from.c_str(), p.to.c_str()) != 0) return sys_fail(cat("rename to ", p.to));
    }
    // Two links of one file: the kernel leaves both where they are.
    ::unlink(p.from.c_str());
    ::unlink(cat(p.to, kDamaged).c_str());
    if (one_by_one) TRY(sync_folder(folder_part(p.to)));
  }
  pending_.clear();
  if (!one_by_one) return sync_all(store_->root_);
  for (const std::string& folder : {files, folder_part(files), store_->root_})
    TRY(sync_folder(folder));
  return {};
}

Result<std::string> Contents::read_block(const WorkspaceId& workspace,
                                         const store::VolumeContent& content,
                                         std::uint64_t number) const {
  const std::uint64_t length = block_length(content.size, number);
  std::string damaged;
  for (const std::string& path : files_of(workspace, content.id)) {
    const UniqueFd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes(length, '\0');
    std::uint64_t got = 0;
    errno = 0;
    while (in && got < length) {
      const ssize_t n = ::pread(in.get(), bytes.data() + got, length - got,
                                static_cast<off_t>(number * kBlockBytes + got));
      if (n <= 0) break;
      got += static_cast<std::uint64_t>(n);
    }
    // Another file of the same content may still be whole.
    if (got == length && block_hash(bytes) == block_of(content, number)) return bytes;
    damaged = path;
    // All that the disk has was read, and it is not that: no error of the disk's own.
    if (in && (got == length || errno == 0)) set_aside(workspace, content.id, path, in.get());
  }
  if (!damaged.empty())
    return fail(Code::kDataLoss, "block ", number, " of ", damaged,
                " is not what was stored there; see `ionian admin volumes check`");
  return fail(Code::kDataLoss, "content ", blobs::to_hex(content.id), " is missing on disk");
}

void Contents::set_aside(const WorkspaceId& workspace, std::string_view id, const std::string& path,
                         int fd) const {
  {
    std::lock_guard lock(names_);
    struct stat read{}, now{};
    if (::fstat(fd, &read) != 0 || ::stat(path.c_str(), &now) != 0 || read.st_ino != now.st_ino)
      return;
    if (::rename(path.c_str(), cat(path, kDamaged).c_str()) != 0) {
      log::error("volumes: ", path, " is damaged and could not be set aside");
      return;
    }
  }
  if (Result<void> synced = sync_folder(folder_part(path)); !synced)
    log::warning("volumes: ", synced.error().message);
  log::error("volumes: ", path, " has other bytes than were stored, and is set aside");
  if (damage_) damage_(workspace, std::string(id));
}

std::vector<std::string> Contents::check(const store::StoredContent& stored,
                                         const Pace& pace) const {
  std::vector<std::string> wrong;
  const std::string folder = folder_of(stored.workspace, stored.content.id);
  const std::string name = blobs::to_hex(stored.content.id) + ".";
  bool found = false;
  for (const std::string& each : names_in(folder)) {
    if (!each.starts_with(name)) continue;
    found = true;
    const std::string path = cat(folder, '/', each);
    if (each.ends_with(kDamaged)) {
      wrong.push_back(cat(path, " was set aside: it has other bytes than were stored"));
      continue;
    }
    const UniqueFd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    // From the disk, and without driving out of memory what others read.
    if (in) ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_DONTNEED);
    const auto content = copy_and_hash(in.get(), -1, pace);
    if (in) ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (!content && content.error().code == Code::kCancelled) return {};
    if (!content) {
      wrong.push_back(cat(path, " cannot be read: ", content.error().message));
    } else if (content->id != stored.content.id) {
      set_aside(stored.workspace, stored.content.id, path, in.get());
      wrong.push_back(cat(path, " has other bytes than were stored"));
    }
  }
  if (!found) wrong.push_back(cat(folder, '/', name, "* is missing"));
  return wrong;
}

void Contents::remove(const store::StoredContent& stored) const {
  const std::string folder = folder_of(stored.workspace, stored.content.id);
  const std::string name = blobs::to_hex(stored.content.id) + ".";
  for (const std::string& each : names_in(folder))
    if (each.starts_with(name)) ::unlink(cat(folder, '/', each).c_str());
}

std::vector<store::StoredContent> Contents::list_part(const WorkspaceId& workspace,
                                                      unsigned part) const {
  std::set<std::string> ids;
  const std::string first(1, static_cast<char>(part));
  for (const std::string& name : names_in(folder_of(workspace, first)))
    if (name.find('.') == 2 * kHashBytes) ids.insert(from_hex(name.substr(0, 2 * kHashBytes)));
  std::vector<store::StoredContent> found;
  found.reserve(ids.size());
  for (const std::string& id : ids)
    found.push_back({.workspace = workspace, .content = {.id = id}});
  return found;
}

}  // namespace ionian::volumes
