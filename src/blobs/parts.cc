#include "blobs/parts.h"

#include <fcntl.h>

#include <filesystem>
#include <map>
#include <vector>

#include "base/file.h"
#include "base/names_in.h"
#include "base/random.h"

namespace ionian::blobs {
namespace {

namespace fs = std::filesystem;

// No id of a blob is that.
constexpr std::string_view kTemporary = "tmp.", kMd5 = ".md5";

}  // namespace

Result<PartFolder> PartFolder::open_folder(std::string root) {
  TRY(make_folders(root, 0700));
  for (const std::string& name : names_in(root))
    if (name.starts_with(kTemporary)) ::unlink(cat(root, '/', name).c_str());
  return PartFolder(std::move(root));
}

PartFolder::Writer::~Writer() {
  if (fd_) ::unlink(from_.c_str());
}

Result<void> PartFolder::Writer::write(std::string_view data) {
  md5_.update(data);
  return write_all(fd_.get(), data);
}

Result<std::string> PartFolder::Writer::commit() {
  std::string md5 = md5_.hex();
  TRY(write_file(cat(to_, kMd5), md5, 0600));
  if (::rename(from_.c_str(), to_.c_str()) != 0) return sys_fail(cat("rename to ", to_));
  fd_.reset();
  return md5;
}

Result<PartFolder::Writer> PartFolder::writer(const BlobId& blob, int part) const {
  SystemRandom random;
  std::string path = cat(root_, '/', kTemporary, random_base62(random, 22));
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return sys_fail("make a part of an upload");
  return Writer(std::move(fd), std::move(path), path_of(blob, part));
}

Result<PartFolder::Part> PartFolder::open(const BlobId& blob, int part) const {
  const std::string path = path_of(blob, part);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(Code::kNotFound, "part ", part, " was not sent");
  ASSIGN_OR_RETURN(std::string md5, read_file(cat(path, kMd5)));
  return Part{std::move(fd), std::move(md5)};
}

void PartFolder::remove(const BlobId& blob, int parts) const {
  for (int part = 1; part <= parts; ++part) {
    const std::string path = path_of(blob, part);
    ::unlink(path.c_str());
    ::unlink(cat(path, kMd5).c_str());
  }
}

void PartFolder::remove_idle(Time since) const {
  struct Upload {
    fs::file_time_type newest = fs::file_time_type::min();
    std::vector<fs::path> files;
  };
  std::map<std::string, Upload> uploads;
  for (const std::string& name : names_in(root_)) {
    if (name.starts_with(kTemporary)) continue;
    fs::path path = cat(root_, '/', name);
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    if (error) continue;
    Upload& upload = uploads[name.substr(0, name.find('.'))];
    upload.newest = std::max(upload.newest, written);
    upload.files.push_back(std::move(path));
  }
  const auto oldest = std::chrono::file_clock::from_sys(since);
  for (const auto& [blob, upload] : uploads)
    if (upload.newest < oldest)
      for (const fs::path& path : upload.files) ::unlink(path.c_str());
}

}  // namespace ionian::blobs
