#include "volumes/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/names_in.h"

namespace ionian::volumes {
namespace {

// Of the disk, for what the database writes of all that came.
constexpr std::uint64_t kLeftForRecords = 8 << 20;

Result<UniqueFd> open_to_write(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (fd || errno != ENOENT) {
    if (!fd) return sys_fail(cat("open ", path));
    return fd;
  }
  TRY(make_folders(path.substr(0, path.rfind('/')), 0700));
  fd.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return sys_fail(cat("open ", path));
  return fd;
}

Result<void> write_at(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return sys_fail("write a block of a volume");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

// Up to `length` bytes; zeros where the file ends earlier.
std::string read_at(int fd, std::uint64_t at, std::uint64_t length) {
  std::string bytes(length, '\0');
  for (std::uint64_t got = 0; fd >= 0 && got < length;) {
    const ssize_t n = ::pread(fd, bytes.data() + got, length - got, static_cast<off_t>(at + got));
    if (n <= 0) break;
    got += static_cast<std::uint64_t>(n);
  }
  return bytes;
}

}  // namespace

std::string Uploads::key_of(const WorkspaceId& workspace, const std::string& id) const {
  return cat(root_, '/', workspace, "/incoming/", blobs::to_hex(id));
}

std::vector<bool> Uploads::look(const std::string& path,
                                const store::VolumeContent& content) const {
  const std::uint64_t count = block_count(content.size);
  std::vector<bool> have(count, false);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return have;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i * kBlockBytes >= static_cast<std::uint64_t>(info.st_size)) break;
    const std::string bytes = read_at(fd.get(), i * kBlockBytes, block_length(content.size, i));
    have[i] = block_hash(bytes) == block_of(content, i);
  }
  return have;
}

Result<std::vector<bool>> Uploads::begin(const WorkspaceId& workspace,
                                         const store::VolumeContent& content, Time now) {
  const std::string key = key_of(workspace, content.id);
  {
    std::lock_guard lock(mutex_);
    if (const auto it = uploads_.find(key); it != uploads_.end()) {
      it->second.used_at = now;
      return it->second.have;
    }
  }
  // Outside of the lock: a large one takes its time. Nobody else can prove a block meanwhile that
  // would not be found here, or sent again.
  std::vector<bool> have = look(key, content);
  TRY(open_to_write(key));
  std::lock_guard lock(mutex_);
  for (std::uint64_t i = 0; i < have.size(); ++i)
    if (on_their_way_.contains({key, i})) have[i] = false;
  return uploads_.try_emplace(key, Upload{.have = std::move(have), .used_at = now})
      .first->second.have;
}

Result<std::string> Uploads::read(const WorkspaceId& workspace, const std::string& id,
                                  std::uint64_t number, std::uint64_t length) const {
  const std::string path = key_of(workspace, id);
  const UniqueFd in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return sys_fail(cat("open ", path));
  return read_at(in.get(), number * kBlockBytes, length);
}

Uploads::Hold::Hold(Hold&& other) noexcept
    : uploads_(std::exchange(other.uploads_, nullptr)), keys_(std::move(other.keys_)) {}

Uploads::Hold& Uploads::Hold::operator=(Hold&& other) noexcept {
  std::swap(uploads_, other.uploads_);
  std::swap(keys_, other.keys_);
  return *this;
}

Uploads::Hold::~Hold() {
  if (!uploads_) return;
  {
    std::lock_guard lock(uploads_->mutex_);
    for (const std::string& key : keys_) {
      uploads_->held_.erase(key);
      const auto it = uploads_->uploads_.find(key);
      if (it != uploads_->uploads_.end() && it->second.finished) uploads_->uploads_.erase(it);
    }
  }
  uploads_->let_go_.notify_all();
}

// All at once, so that two who want the same files never wait for each other.
Uploads::Hold Uploads::hold(const WorkspaceId& workspace, const std::set<std::string>& ids) {
  Hold hold;
  for (const std::string& id : ids) hold.keys_.insert(key_of(workspace, id));
  std::unique_lock lock(mutex_);
  let_go_.wait(lock, [&] {
    return std::ranges::none_of(hold.keys_, [this](auto& key) { return held_.contains(key); });
  });
  held_.insert(hold.keys_.begin(), hold.keys_.end());
  hold.uploads_ = this;
  return hold;
}

Result<std::string> Uploads::finish(const WorkspaceId& workspace,
                                    const store::VolumeContent& content) {
  const std::string path = key_of(workspace, content.id);
  {
    std::lock_guard lock(mutex_);
    const auto it = uploads_.find(path);
    CHECK(held_.contains(path));
    bool whole = it != uploads_.end();
    for (std::uint64_t i = 0; whole && i < it->second.have.size(); ++i)
      whole = it->second.have[i] || block_of(content, i) == hash_of_nothing();
    if (!whole) return fail(Code::kUnavailable, "blocks of this file are there no more; try again");
    it->second.finished = true;
  }
  if (::truncate(path.c_str(), static_cast<off_t>(content.size)) != 0)
    return sys_fail(cat("give ", path, " its size"));
  return path;
}

Result<void> Uploads::check_room(std::uint64_t bytes) const {
  std::error_code error;
  const auto disk = std::filesystem::space(root_, error);
  if (error || disk.available >= bytes + kLeftForRecords) return {};
  return fail(Code::kResourceExhausted, "the server's disk is full: ", bytes,
              " bytes are to come, and it has room for ", disk.available);
}

void Uploads::remove_older_than(Time when) {
  std::set<std::string> alive;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(uploads_, [&](const auto& each) { return each.second.used_at < when; });
    for (const auto& [key, upload] : uploads_) alive.insert(key);
  }
  const auto each_in = [](const std::string& folder, auto&& f) {
    for (const std::string& name : names_in(folder)) f(cat(folder, '/', name));
  };
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(when.time_since_epoch());
  each_in(root_, [&](const std::string& workspace) {
    each_in(workspace + "/incoming", [&](const std::string& file) {
      struct stat info{};
      if (::stat(file.c_str(), &info) != 0 || info.st_mtim.tv_sec >= seconds.count()) return;
      if (!alive.contains(file)) ::unlink(file.c_str());
    });
  });
}

Result<Uploads::Receiver> Uploads::receive(const WorkspaceId& workspace, const std::string& id,
                                           std::uint64_t number, const std::string& hash) {
  Receiver receiver(*this, key_of(workspace, id), number, hash);
  {
    std::lock_guard lock(mutex_);
    const auto it = uploads_.find(receiver.key_);
    if (it != uploads_.end() && number < it->second.have.size() && it->second.have[number])
      return receiver;
    if (!on_their_way_.insert({receiver.key_, number}).second)
      return fail(Code::kUnavailable, "this block is just coming by another way; try again");
    receiver.ours_ = true;
  }
  ASSIGN_OR_RETURN(receiver.out_, open_to_write(receiver.key_));
  return receiver;
}

Uploads::Receiver::Receiver(Uploads& uploads, std::string key, std::uint64_t number,
                            std::string hash)
    : uploads_(&uploads), key_(std::move(key)), number_(number), hash_(std::move(hash)) {}

Uploads::Receiver::Receiver(Receiver&& other) noexcept
    : uploads_(other.uploads_),
      key_(std::move(other.key_)),
      number_(other.number_),
      hash_(std::move(other.hash_)),
      out_(std::move(other.out_)),
      ours_(std::exchange(other.ours_, false)),
      length_(other.length_),
      hasher_(std::move(other.hasher_)) {}

Uploads::Receiver::~Receiver() {
  if (!ours_) return;
  std::lock_guard lock(uploads_->mutex_);
  uploads_->on_their_way_.erase({key_, number_});
}

Result<void> Uploads::Receiver::write(std::string_view piece) {
  if (!out_) return {};
  if (length_ + piece.size() > kBlockBytes)
    return fail(Code::kInvalidArgument, "a block has at most ", kBlockBytes, " bytes");
  TRY(write_at(out_.get(), piece, number_ * kBlockBytes + length_));
  length_ += piece.size();
  hasher_.update(piece);
  return {};
}

Result<void> Uploads::Receiver::finish() {
  if (!out_) return {};
  if (from_hex(hasher_.hex()) != hash_)
    return fail(Code::kInvalidArgument, "this block has another sha256 than was announced");
  // What an earlier attempt may have left behind its end.
  const auto end = static_cast<off_t>(number_ * kBlockBytes + length_);
  if (length_ < kBlockBytes && ::fallocate(out_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                           end, static_cast<off_t>(kBlockBytes - length_)) != 0)
    return sys_fail("end a block of a volume");
  // The disk begins with it now, so that the file's fsync has less to wait for. A hint.
  (void)::sync_file_range(out_.get(), static_cast<off_t>(number_ * kBlockBytes),
                          static_cast<off_t>(length_), SYNC_FILE_RANGE_WRITE);
  std::lock_guard lock(uploads_->mutex_);
  const auto it = uploads_->uploads_.find(key_);
  if (it != uploads_->uploads_.end() && number_ < it->second.have.size())
    it->second.have[number_] = true;
  return {};
}

}  // namespace ionian::volumes
