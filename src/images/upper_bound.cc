#include "images/upper_bound.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <set>

namespace ionian::images {
namespace {

constexpr std::uint64_t kBlockOfStat = 512;

// 0 if it cannot be told.
std::uint64_t used_beside(const std::string& folder) {
  struct statvfs info;
  if (::statvfs(std::filesystem::path(folder).parent_path().c_str(), &info) != 0) return 0;
  return (info.f_blocks - info.f_bfree) * info.f_frsize;
}

// What is removed meanwhile does not count.
std::uint64_t size_of(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::set<ino_t> linked;
  std::error_code error;
  auto entry = std::filesystem::recursive_directory_iterator(
      folder, std::filesystem::directory_options::skip_permission_denied, error);
  for (; !error && entry != std::filesystem::end(entry); entry.increment(error)) {
    struct stat info;
    if (::lstat(entry->path().c_str(), &info) != 0) continue;
    if (info.st_nlink > 1 && !S_ISDIR(info.st_mode) && !linked.insert(info.st_ino).second) continue;
    bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlockOfStat;
  }
  return bytes;
}

std::unexpected<Status> too_much(std::uint64_t bytes) {
  return fail(Code::kResourceExhausted, "it has written more than the ", bytes >> 20,
              " MiB that a step of a build may (the server's --build-disk)");
}

}  // namespace

Result<void> WriteBound::add(std::uint64_t bytes) {
  written_ += bytes;
  if (bytes_ != 0 && written_ > bytes_) return too_much(bytes_);
  return {};
}

UpperBound::UpperBound(std::string folder, std::uint64_t bytes)
    : folder_(std::move(folder)), bytes_(bytes), used_(used_beside(folder_)), left_(bytes) {}

Result<void> UpperBound::check() {
  if (bytes_ == 0) return {};
  const std::uint64_t used = used_beside(folder_);
  if (used <= used_ + left_ && ++calls_ < kMeasuredEach) return {};
  calls_ = 0;
  const std::uint64_t size = size_of(folder_);
  if (size > bytes_) return too_much(bytes_);
  used_ = used;
  left_ = bytes_ - size;
  return {};
}

}  // namespace ionian::images
