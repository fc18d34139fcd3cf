#pragma once
// COPY, ADD and WORKDIR without a container: what they change is written into a fresh folder that
// becomes a layer.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "images/dockerfile.h"
#include "images/layered_tree.h"
#include "images/upper_bound.h"

namespace ionian::images {

// The layer in the making: a folder `upper` above the image `below`.
class UpperWriter {
 public:
  // `upper` must exist; archives are unpacked beside it.
  UpperWriter(const LayeredTree& below, std::string upper, WriteBound bound,
              const std::atomic<bool>& cancelled)
      : below_(below), upper_(std::move(upper)), bound_(bound), cancelled_(cancelled) {}

  // The words of `copy` are expanded. Sources are looked up in `from`, the target in the image,
  // from `workdir`. As Docker does: the content of a source that is a folder, files into a target
  // that is one or ends in "/".
  //   errors  INVALID_ARGUMENT a source that does not exist, several ones into a file, a folder
  //   over a file, an
  //           unknown user · RESOURCE_EXHAUSTED more than the bound · CANCELLED
  Result<void> copy(const CopyLine& copy, const LayeredTree& from, const std::string& workdir);

  // mkdir -p inside the image; what is there stays as it is. INVALID_ARGUMENT if a part of it is a
  // file.
  Result<void> make_folder(const std::string& path);

  // Whether anything was written.
  bool touched() const { return touched_; }

 private:
  struct Owner {
    unsigned uid = 0, gid = 0;
  };
  struct How {
    Owner owner;
    std::optional<unsigned> mode;
    bool unpacks_archives = false;
    bool keeps_owners = false;

    Owner owner_of(const struct stat& source) const {
      return keeps_owners ? Owner{source.st_uid, source.st_gid} : owner;
    }
  };
  // Makes the folder in `upper`, like the image's where it has one; links in `path` are followed.
  // Returns its real path.
  Result<std::string> open_folder(const std::string& path, const Owner& owner);
  Result<void> make_like_below(const std::string& real, const Owner& owner);
  Result<void> copy_node(const LayeredTree& from, const LayeredTree::Node& node,
                         const std::string& folder, std::string_view name, const How& how);
  Result<void> copy_content(const LayeredTree& from, const LayeredTree::Node& node,
                            const std::string& folder, const How& how);
  Result<void> copy_archive(const std::string& archive, const std::string& folder, How how);
  Result<void> copy_file(const LayeredTree::Node& node, const std::string& path, const How& how);
  Result<Owner> owner_of(const std::string& chown) const;
  Result<unsigned> id_of(const std::string& name, std::string_view table, Owner* both) const;

  const LayeredTree& below_;
  const std::string upper_;
  WriteBound bound_;
  const std::atomic<bool>& cancelled_;
  bool touched_ = false;
};

}  // namespace ionian::images
