#include "images/layers.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "base/random.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

bool is_layer_id(std::string_view id) {
  return id.size() == 22 &&
         std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c); });
}

}  // namespace

Result<LayerStore> LayerStore::open_folder(std::string root) {
  TRY(clear_scratch(root));
  // A layer may hold setuid programs of anyone: no user of this host may reach them.
  if (::chmod(root.c_str(), 0700) != 0) return sys_fail(cat("chmod ", root));
  return LayerStore(std::move(root));
}

Result<std::string> LayerStore::commit(const std::string& upper, std::uint32_t id_base) const {
  TRY(shift_owners_to_plain(upper, id_base));
  TRY(sync_file_system(upper));
  SystemRandom random;
  std::string id = random_base62(random, 22);
  if (::rename(upper.c_str(), path_of(id).c_str()) != 0)
    return sys_fail(cat("rename ", upper, " to ", path_of(id)));
  TRY(sync_folder(root_));
  return id;
}

std::string LayerStore::path_of(const std::string& id) const {
  CHECK(is_layer_id(id));
  return cat(root_, "/", id);
}

bool LayerStore::exists(const std::string& id) const {
  return is_layer_id(id) && ::access(path_of(id).c_str(), F_OK) == 0;
}

Result<std::vector<std::string>> LayerStore::list() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root_, error))
    if (is_layer_id(entry.path().filename().string())) ids.push_back(entry.path().filename());
  if (error) return fail(Code::kFailedPrecondition, "cannot read ", root_, ": ", error.message());
  return ids;
}

Result<void> LayerStore::remove(const std::string& id) const {
  ASSIGN_OR_RETURN(ScratchFolder grave, scratch());
  if (::rename(path_of(id).c_str(), cat(grave.path(), "/", id).c_str()) != 0 && errno != ENOENT)
    return sys_fail(cat("remove layer ", id));
  return {};
}

}  // namespace ionian::images
