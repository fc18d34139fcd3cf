#include "images/layered_tree.h"

#include <dirent.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <deque>
#include <memory>
#include <set>

#include "images/owner_shift.h"

namespace ionian::images {
namespace {

// As the kernel's own limit.
constexpr int kLinkLimit = 40;

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") out.emplace_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

bool is_whiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

Result<std::string> read_link(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
  if (n < 0) return sys_fail(cat("read the link ", path));
  target.resize(static_cast<std::size_t>(n));
  return target;
}

}  // namespace

std::string clean_path(std::string_view base, std::string_view path) {
  std::vector<std::string> kept;
  for (const std::string_view text : {path.starts_with('/') ? std::string_view{} : base, path})
    for (std::string& part : parts_of(text)) {
      if (part != "..")
        kept.push_back(std::move(part));
      else if (!kept.empty())
        kept.pop_back();
    }
  std::string out;
  for (const std::string& part : kept) cat_to(out, "/", part);
  return out.empty() ? "/" : out;
}

// How far a path led: the folders from the root to the last thing that exists, and the names after
// it.
struct LayeredTree::Walk {
  std::vector<Node> nodes;
  std::vector<std::string> missing;
};

LayeredTree::LayeredTree(std::vector<std::string> lowers) : lowers_(std::move(lowers)) {
  std::ranges::reverse(lowers_);
}

LayeredTree::Node LayeredTree::root() const {
  Node node{.parts = lowers_};
  node.info.st_mode = S_IFDIR | 0755;
  if (!lowers_.empty()) ::lstat(lowers_[0].c_str(), &node.info);
  return node;
}

Result<std::optional<LayeredTree::Node>> LayeredTree::child(const Node& folder,
                                                            std::string_view name) const {
  Node node{.path = cat(folder.path, "/", name)};
  for (const std::string& part : folder.parts) {
    std::string path = cat(part, "/", name);
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno == ENOENT) continue;
      return sys_fail(cat("look at ", path));
    }
    if (is_whiteout(info)) break;
    if (node.parts.empty()) node.info = info;
    // A file below a folder of an upper layer is hidden by it, with all that is under it.
    if (!node.parts.empty() && !S_ISDIR(info.st_mode)) break;
    node.parts.push_back(std::move(path));
    if (!S_ISDIR(info.st_mode) || is_opaque(node.parts.back())) break;
  }
  if (node.parts.empty()) return std::nullopt;
  return node;
}

Result<std::vector<std::string>> LayeredTree::names(const Node& folder) const {
  std::set<std::string> shown, hidden;
  for (const std::string& part : folder.parts) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(part.c_str()), ::closedir);
    if (!dir) return sys_fail(cat("read ", part));
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || hidden.contains(name) || shown.contains(name)) continue;
      struct stat info;
      const bool white = entry->d_type == DT_CHR &&
                         ::lstat(cat(part, "/", name).c_str(), &info) == 0 && is_whiteout(info);
      (white ? hidden : shown).insert(name);
    }
  }
  return std::vector<std::string>(shown.begin(), shown.end());
}

Result<LayeredTree::Walk> LayeredTree::walk(std::string_view path, LastLink last) const {
  Walk walk;
  walk.nodes.push_back(root());
  std::deque<std::string> todo;
  for (std::string& part : parts_of(path)) todo.push_back(std::move(part));
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.front());
    todo.pop_front();
    if (name == "..") {
      if (!walk.missing.empty())
        walk.missing.pop_back();
      else if (walk.nodes.size() > 1)
        walk.nodes.pop_back();
      continue;
    }
    if (!walk.missing.empty() || !walk.nodes.back().is_folder()) {
      walk.missing.push_back(name);
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<Node> next, child(walk.nodes.back(), name));
    if (!next) {
      walk.missing.push_back(name);
    } else if (S_ISLNK(next->info.st_mode) && (!todo.empty() || last == LastLink::kFollow)) {
      if (++links > kLinkLimit)
        return fail(Code::kInvalidArgument, path, " leads through too many links");
      ASSIGN_OR_RETURN(const std::string target, read_link(next->parts[0]));
      if (target.starts_with('/')) walk.nodes.resize(1);
      std::vector<std::string> parts = parts_of(target);
      todo.insert(todo.begin(), parts.begin(), parts.end());
    } else {
      walk.nodes.push_back(std::move(*next));
    }
  }
  return walk;
}

Result<std::optional<LayeredTree::Node>> LayeredTree::find(std::string_view path,
                                                           LastLink last) const {
  ASSIGN_OR_RETURN(Walk done, walk(path, last));
  if (!done.missing.empty()) return std::nullopt;
  return std::move(done.nodes.back());
}

Result<std::string> LayeredTree::real_path(std::string_view path) const {
  ASSIGN_OR_RETURN(const Walk done, walk(path, LastLink::kFollow));
  if (!done.missing.empty() && !done.nodes.back().is_folder())
    return fail(Code::kInvalidArgument, done.nodes.back().path, " is not a folder");
  std::string out = done.nodes.back().path;
  for (const std::string& name : done.missing) cat_to(out, "/", name);
  return out.empty() ? "/" : out;
}

Result<std::vector<std::string>> LayeredTree::glob(std::string_view pattern) const {
  std::vector<std::string> found = {""};
  for (const std::string& part : parts_of(pattern)) {
    std::vector<std::string> next;
    for (const std::string& path : found) {
      ASSIGN_OR_RETURN(const std::optional<Node> node, find(path));
      if (!node || !node->is_folder()) continue;
      if (part.find_first_of("*?[") == part.npos) {
        ASSIGN_OR_RETURN(const std::optional<Node> one, child(*node, part));
        if (one) next.push_back(cat(path, "/", part));
        continue;
      }
      ASSIGN_OR_RETURN(const std::vector<std::string> all, names(*node));
      for (const std::string& name : all)
        if (::fnmatch(part.c_str(), name.c_str(), 0) == 0) next.push_back(cat(path, "/", name));
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace ionian::images
