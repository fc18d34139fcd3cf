// Any bytes as an archive, unpacked in each way: it ends, nothing appears beside the folder it goes
// to, and what lies beside it stays as it was, wherever links and names of the archive point.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/test_folder.h"
#include "images/archive.h"

namespace {

void require(bool held) {
  if (!held) std::abort();
}

constexpr std::string_view kBeside = "untouched";

struct Place {
  Place() { require(ionian::write_file(folder / "beside", std::string(kBeside)).has_value()); }
  std::size_t entries() const {
    using Each = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(Each(folder.path()), Each()));
  }
  const ionian::TestFolder folder{"fuzz"};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian;
  using images::UnpackAs;
  static const Place place;
  const UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
  require(write_all(file.get(), {reinterpret_cast<const char*>(data), size}).has_value());
  const std::string path = cat("/proc/self/fd/", file.get());
  (void)images::read_member(path, "etc/os-release");
  for (const UnpackAs as : {UnpackAs::kRootFs, UnpackAs::kOciLayer, UnpackAs::kPlain}) {
    const std::string into = place.folder / "into";
    require(make_folders(into).has_value());
    (void)images::unpack(path, into, {.as = as, .wanted = {}});
    require(place.entries() == 2);
    require(read_file(place.folder / "beside").value_or("") == kBeside);
    require(remove_tree(into).has_value());
  }
  return 0;
}
