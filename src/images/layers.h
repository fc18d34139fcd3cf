#pragma once
// Layers of images: folders on disk, ready to be stacked by overlayfs. ROOT/<id>/ is the layer's
// root; its files belong to plain ids 0..65535, removed names are whiteouts (character device 0:0),
// hidden folders are marked opaque. A layer is complete or absent. ROOT is closed to everyone but
// root. All methods may be called from any thread.
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/folder_lock.h"

namespace ionian::images {

class LayerStore {
 public:
  // Makes `root` if it is not there and removes what a former life left half done. One store a
  // folder.
  static Result<LayerStore> open_folder(std::string root);

  // A folder on the layers' file system for a layer in the making.
  Result<ScratchFolder> scratch() const { return ScratchFolder::make(root_); }

  // Takes the folder `upper` (on the same file system), whose files belong to id_base + x, as a new
  // layer: owners become plain, everything is on disk, and then it appears under the id that is
  // returned. FAILED_PRECONDITION for a file of a foreign id; the folder is spent either way.
  Result<std::string> commit(const std::string& upper, std::uint32_t id_base) const;

  std::string path_of(const std::string& id) const;
  bool exists(const std::string& id) const;
  // The ids of all.
  Result<std::vector<std::string>> list() const;
  // Success also when it is not there. It disappears at once under its name, then file by file.
  Result<void> remove(const std::string& id) const;

 private:
  explicit LayerStore(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace ionian::images
