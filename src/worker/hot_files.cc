#include "worker/hot_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/cat.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "container/syscalls.h"

namespace ionian::worker {
namespace {

constexpr std::uint64_t kFileBytesMax = 64 << 20;
constexpr std::uint64_t kBytesMax = 512 << 20;  // of one kind

// Links lead nowhere else than they do in a container whose root the layer is; what is no file is
// not opened.
UniqueFd open_file(int layer, const char* name, std::uint64_t& bytes) {
  const UniqueFd found = open_below(layer, name, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  struct stat info{};
  if (!found || ::fstat(found.get(), &info) != 0 || !S_ISREG(info.st_mode)) return UniqueFd();
  bytes = std::min(static_cast<std::uint64_t>(info.st_size), kFileBytesMax);
  return UniqueFd(
      ::open(container::fd_path(found.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME));
}

std::vector<UniqueFd> open_layers(const std::vector<std::string>& layers) {
  std::vector<UniqueFd> opened;
  for (const std::string& layer : layers) {
    UniqueFd fd(::open(layer.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd) opened.push_back(std::move(fd));
  }
  return opened;
}

// Lists of kinds that were not used for longest go.
void drop_oldest(const std::string& folder, std::size_t most) {
  std::error_code error;
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> lists;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    lists.emplace_back(entry.last_write_time(error), entry.path());
  if (lists.size() <= most) return;
  std::ranges::sort(lists);
  for (std::size_t i = 0; i < lists.size() - most; ++i)
    std::filesystem::remove(lists[i].second, error);
}

}  // namespace

void HotFiles::remember(const std::string& kind, std::string names) {
  if (names.size() > kListBytesMax) return;
  pool_.post([this, kind, names = std::move(names)] { keep(kind, names); });
}

void HotFiles::read_ahead(const std::string& kind, std::vector<std::string> layers) {
  pool_.post([this, kind, layers = std::move(layers)] { read(kind, layers); });
}

void HotFiles::keep(const std::string& kind, const std::string& names) const {
  if (ending_) return;
  Result<void> kept = make_folders(folder_, 0700);
  if (kept) kept = write_file_durably(cat(folder_, "/", kind), names);
  if (!kept) log::warning("no list of files to read ahead: ", kept.error().message);
  drop_oldest(folder_, kListsMax);
}

void HotFiles::read(const std::string& kind, const std::vector<std::string>& layers) {
  const Result<std::string> names = read_file(cat(folder_, "/", kind), kListBytesMax);
  if (!names) return;
  const std::vector<UniqueFd> opened = open_layers(layers);
  std::uint64_t left = kBytesMax;
  for (std::size_t at = 0; at < names->size() && !ending_;) {
    const std::size_t end = std::min(names->find('\n', at), names->size());
    const std::string name = names->substr(at, end - at);
    at = end + 1;
    for (auto layer = opened.rbegin(); layer != opened.rend(); ++layer) {
      std::uint64_t bytes = 0;
      const UniqueFd file = open_file(layer->get(), name.c_str(), bytes);
      if (!file) continue;
      if (bytes > left) return;
      left -= bytes;
      if (::readahead(file.get(), 0, bytes) == 0) ++files_read_;
      break;
    }
  }
}

}  // namespace ionian::worker
