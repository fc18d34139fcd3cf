#pragma once
// Reads a stack of layers as overlayfs would show it, without mounting: whiteouts, opaque folders,
// and symbolic links that are followed inside the stack only. The layers must not change meanwhile.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ionian::images {

class LayeredTree {
 public:
  // Something that is there. For a folder: every layer's part of it that shows, the uppermost
  // first.
  struct Node {
    std::string path;  // inside the stack, clean and without links: "/usr/bin"; the root is ""
    std::vector<std::string> parts;  // paths on the host
    struct stat info = {};           // of parts[0]
    bool is_folder() const { return S_ISDIR(info.st_mode); }
  };

  // Folders of layers, lowest first.
  explicit LayeredTree(std::vector<std::string> lowers);

  Node root() const;
  // The entry `name` of a folder; a link is not followed.
  Result<std::optional<Node>> child(const Node& folder, std::string_view name) const;
  // Names of a folder, sorted.
  Result<std::vector<std::string>> names(const Node& folder) const;

  enum class LastLink { kFollow, kKeep };
  // Walks an absolute path, or one relative to the root. Nothing if it does not exist.
  //   errors  INVALID_ARGUMENT more than 40 links
  Result<std::optional<Node>> find(std::string_view path, LastLink last = LastLink::kFollow) const;
  // Where `path` leads when links of its existing parts are followed: clean, and existing or not.
  // For the folder that something is to be written into.
  //   errors  INVALID_ARGUMENT a part of it is a file, or more than 40 links
  Result<std::string> real_path(std::string_view path) const;

  // Paths that match a pattern with *, ? and [a-z] in any part; without these signs the path
  // itself, if it is there. Links are followed.
  Result<std::vector<std::string>> glob(std::string_view pattern) const;

 private:
  struct Walk;
  Result<Walk> walk(std::string_view path, LastLink last) const;
  std::vector<std::string> lowers_;
};

// "/a//b/../c/." -> "/a/c"; ".." at the root stays there. A relative path is taken from `base`.
std::string clean_path(std::string_view base, std::string_view path);

}  // namespace ionian::images
