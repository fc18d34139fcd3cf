#include "logs/log_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>

#include "base/file.h"
#include "base/log.h"
#include "base/names_in.h"

namespace ionian::logs {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kEntryMax = 16 << 20;
constexpr std::size_t kOpenFilesMax = 256;
constexpr std::size_t kEndedMax = 1'000;

std::string with_header(const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string record(kHeader, '\0');
  std::memcpy(record.data(), &size, kHeader);
  return record + body;
}

// Where the last whole entry of a segment ends. What a former life had not written to its end lies
// behind it.
std::uint64_t end_of_entries(int file, std::uint64_t size) {
  std::uint64_t at = 0;
  for (std::uint32_t body = 0; ::pread(file, &body, kHeader, static_cast<off_t>(at)) == kHeader &&
                               body <= kEntryMax && at + kHeader + body <= size;)
    at += kHeader + body;
  return at;
}

}  // namespace

LogStore::Position LogStore::parse(const std::string& cursor) {
  Position p;
  const char* end = cursor.data() + cursor.size();
  const auto [dash, error] = std::from_chars(cursor.data(), end, p.segment);
  if (error == std::errc{} && dash != end) std::from_chars(dash + 1, end, p.offset);
  return p;
}

std::string LogStore::segment_path(const std::string& stream, std::uint64_t segment) const {
  return cat(folder_, '/', stream, '/', segment, ".log");
}

LogStore::Stream& LogStore::load(const std::string& name) {
  Stream& s = streams_[name];
  if (s.loaded) return s;
  s.loaded = true;
  s.first = UINT64_MAX;
  for (const std::string& file : names_in(cat(folder_, '/', name))) {
    std::uint64_t n = 0;
    if (std::from_chars(file.data(), file.data() + file.size(), n).ec != std::errc{}) continue;
    s.first = std::min(s.first, n);
    s.last = std::max(s.last, n);
  }
  if (s.first == UINT64_MAX) s.first = s.last = 0;
  struct stat info;
  s.size = ::stat(segment_path(name, s.last).c_str(), &info) == 0
               ? static_cast<std::uint64_t>(info.st_size)
               : 0;
  return s;
}

Result<void> LogStore::write(const std::string& name, Stream& s, const std::string& record) {
  if (s.size >= kSegmentBytes) {
    close(s);
    ++s.last;
    s.size = 0;
    s.checked = true;
    if (s.last - s.first >= segments_max_) ::unlink(segment_path(name, s.first++).c_str());
  }
  if (!s.file) {
    TRY(make_folders(cat(folder_, '/', name), 0700));
    const std::string path = segment_path(name, s.last);
    s.file.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!s.file) return sys_fail(cat("open ", path));
    ++open_files_;
    if (!std::exchange(s.checked, true)) TRY(cut_off_part(s, end_of_entries(s.file.get(), s.size)));
  }
  if (Result<void> written = write_all(s.file.get(), record); !written) {
    // A part of an entry would hide all that come behind it.
    (void)cut_off_part(s, s.size);
    return written;
  }
  s.size += record.size();
  return {};
}

Result<void> LogStore::cut_off_part(Stream& s, std::uint64_t end) {
  if (::ftruncate(s.file.get(), static_cast<off_t>(end)) != 0) {
    close(s);
    s.checked = false;
    return sys_fail("truncate a log");
  }
  s.size = end;
  return {};
}

void LogStore::append(const std::string& name, modal::client::TaskLogsBatch batch) {
  Stream& s = load(name);
  if (open_files_ > kOpenFilesMax)
    for (auto& [other, stream] : streams_) close(stream);
  Result<void> written = write(name, s, with_header(batch.SerializeAsString()));
  if (!written && !std::exchange(s.warned, true))
    log::warning("output of ", name, " is lost: ", written.error().message);
}

std::vector<modal::client::TaskLogsBatch> LogStore::read(const std::string& name,
                                                         std::string& cursor,
                                                         std::size_t bytes_max) {
  Stream& s = load(name);
  Position at = parse(cursor);
  if (at.segment < s.first) at = {s.first, 0};
  std::vector<modal::client::TaskLogsBatch> batches;
  std::size_t bytes = 0;
  while (bytes < bytes_max && at.segment <= s.last) {
    UniqueFd file(::open(segment_path(name, at.segment).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) break;
    for (;;) {
      std::uint32_t size = 0;
      if (bytes >= bytes_max ||
          ::pread(file.get(), &size, kHeader, static_cast<off_t>(at.offset)) != kHeader)
        break;
      if (size > kEntryMax) break;
      std::string body(size, '\0');
      if (::pread(file.get(), body.data(), size, static_cast<off_t>(at.offset + kHeader)) !=
          static_cast<ssize_t>(size))
        break;
      at.offset += kHeader + size;
      bytes += kHeader + size;
      modal::client::TaskLogsBatch batch;
      if (!batch.ParseFromString(body)) continue;
      batch.set_entry_id(cat(at.segment, '-', at.offset));
      batches.push_back(std::move(batch));
    }
    if (bytes >= bytes_max || at.segment == s.last) break;
    at = {at.segment + 1, 0};
  }
  cursor = cat(at.segment, '-', at.offset);
  return batches;
}

void LogStore::remove_older_than(Time before) {
  const auto is_old = [&](const std::string& path) {
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 && from_unix_ms(info.st_mtim.tv_sec * 1000) < before;
  };
  for (const std::string& name : names_in(folder_)) {
    const bool known = streams_.contains(name);
    Stream& s = load(name);
    while (s.first < s.last && is_old(segment_path(name, s.first)))
      ::unlink(segment_path(name, s.first++).c_str());
    const bool all = s.first == s.last && is_old(segment_path(name, s.last));
    if (all) {
      ::unlink(segment_path(name, s.last).c_str());
      ::rmdir(cat(folder_, '/', name).c_str());
      close(s);
      // Where readers are is behind it.
      s.first = ++s.last;
      s.size = 0;
    }
    if (!known) streams_.erase(name);
  }
}

void LogStore::end(const std::string& name) {
  Stream& s = load(name);
  close(s);
  if (std::exchange(s.ended, true)) return;
  ended_.push_back(name);
  if (ended_.size() <= kEndedMax) return;
  streams_.erase(ended_.front());
  ended_.pop_front();
}

void LogStore::close(Stream& s) {
  if (s.file) --open_files_;
  s.file.reset();
}

bool LogStore::ended(const std::string& name) const {
  const auto it = streams_.find(name);
  return it != streams_.end() && it->second.ended;
}

}  // namespace ionian::logs
