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

std::string with_header(const std::string& body) {
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string record(kHeader, '\0');
  std::memcpy(record.data(), &size, kHeader);
  return record + body;
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
    s.file.reset();
    ++s.last;
    s.size = 0;
    if (s.last - s.first >= kSegmentsMax) ::unlink(segment_path(name, s.first++).c_str());
  }
  if (!s.file) {
    TRY(make_folders(cat(folder_, '/', name), 0700));
    const std::string path = segment_path(name, s.last);
    s.file.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!s.file) return sys_fail(cat("open ", path));
  }
  TRY(write_all(s.file.get(), record));
  s.size += record.size();
  return {};
}

void LogStore::append(const std::string& name, modal::client::TaskLogsBatch batch) {
  Stream& s = load(name);
  std::size_t open = 0;
  for (const auto& [other, stream] : streams_) open += static_cast<bool>(stream.file);
  if (open > kOpenFilesMax)
    for (auto& [other, stream] : streams_) stream.file.reset();
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

void LogStore::end(const std::string& name) {
  Stream& s = load(name);
  s.ended = true;
  s.file.reset();
}

bool LogStore::ended(const std::string& name) const {
  const auto it = streams_.find(name);
  return it != streams_.end() && it->second.ended;
}

}  // namespace ionian::logs
