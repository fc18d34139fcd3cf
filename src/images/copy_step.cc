#include "images/copy_step.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <sstream>

#include "base/fd.h"
#include "base/file.h"
#include "images/archive.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

std::optional<unsigned> number(std::string_view text, int base) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool is_archive(std::string_view name) {
  for (std::string_view end :
       {".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst"})
    if (name.ends_with(end)) return true;
  return false;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string parent(const std::string& path) {
  const std::string out = path.substr(0, path.rfind('/'));
  return out.empty() ? "/" : out;
}

}  // namespace

Result<void> UpperWriter::make_folder(const std::string& path) {
  TRY(open_folder(path, Owner{}));
  return {};
}

Result<std::string> UpperWriter::open_folder(const std::string& path, const Owner& owner) {
  ASSIGN_OR_RETURN(const std::string real, below_.real_path(path));
  for (std::size_t slash = 0; real != "/" && slash != real.npos;) {
    slash = real.find('/', slash + 1);
    TRY(make_like_below(real.substr(0, slash), owner));
  }
  return real;
}

// As overlayfs copies a folder up before it changes it.
Result<void> UpperWriter::make_like_below(const std::string& real, const Owner& owner) {
  const std::string path = upper_ + real;
  struct stat here;
  if (::lstat(path.c_str(), &here) == 0) {
    if (!S_ISDIR(here.st_mode)) return fail(Code::kInvalidArgument, real, " is not a folder");
    return {};
  }
  ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> old, below_.find(real));
  if (old && !old->is_folder()) return fail(Code::kInvalidArgument, real, " is not a folder");
  if (::mkdir(path.c_str(), 0755) != 0) return sys_fail(cat("make ", path));
  const uid_t uid = old ? old->info.st_uid : owner.uid;
  const gid_t gid = old ? old->info.st_gid : owner.gid;
  if (::chown(path.c_str(), uid, gid) != 0 ||
      ::chmod(path.c_str(), old ? old->info.st_mode & 07777 : 0755) != 0)
    return sys_fail(cat("set the owner of ", path));
  touched_ = touched_ || !old;
  return {};
}

Result<void> UpperWriter::copy(const CopyLine& copy, const LayeredTree& from,
                               const std::string& workdir) {
  How how{.unpacks_archives = copy.unpacks_archives};
  ASSIGN_OR_RETURN(how.owner, owner_of(copy.chown));
  if (!copy.chmod.empty()) {
    how.mode = number(copy.chmod, 8);
    if (!how.mode || *how.mode > 07777)
      return fail(Code::kInvalidArgument, "--chmod takes octal digits, not ", copy.chmod);
  }
  std::vector<LayeredTree::Node> sources;
  for (const std::string& pattern : copy.sources) {
    if (pattern.find("://") != pattern.npos)
      return fail(Code::kInvalidArgument, "ADD of a URL is not supported; RUN curl fetches it");
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, from.glob(clean_path("/", pattern)));
    for (const std::string& path : paths) {
      ASSIGN_OR_RETURN(std::optional<LayeredTree::Node> node, from.find(path));
      if (node) sources.push_back(std::move(*node));
      if (node && !path.empty())
        sources.back().path = path;  // a link's own name, not that of its end
    }
    if (paths.empty() || sources.empty())
      return fail(Code::kInvalidArgument, pattern, " does not exist");
  }

  const std::string target = clean_path(workdir, copy.target);
  ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> old, below_.find(target));
  const bool into_folder = copy.target.ends_with('/') || copy.target.ends_with("/.") ||
                           copy.target == "." || (old && old->is_folder());
  if (sources.size() > 1 && !into_folder)
    return fail(Code::kInvalidArgument, "several sources need a target that ends in \"/\"");
  for (const LayeredTree::Node& source : sources) {
    const bool unpacked = how.unpacks_archives && is_archive(source.path);
    if (source.is_folder() || unpacked || into_folder) {
      ASSIGN_OR_RETURN(const std::string folder, open_folder(target, how.owner));
      touched_ = true;
      if (source.is_folder())
        TRY(copy_content(from, source, folder, how));
      else if (unpacked)
        TRY(copy_archive(source.parts[0], folder, how));
      else
        TRY(copy_node(from, source, folder, base_name(source.path), how));
    } else {
      ASSIGN_OR_RETURN(const std::string folder, open_folder(parent(target), how.owner));
      TRY(copy_node(from, source, folder, base_name(target), how));
    }
  }
  return {};
}

// Not straight into the upper folder: a folder of the archive may be a link in the image.
Result<void> UpperWriter::copy_archive(const std::string& archive, const std::string& folder,
                                       How how) {
  const std::string beside = upper_ + ".unpacked";
  TRY(make_folders(beside));
  WriteBound unpacked = bound_;  // what counts is what stays
  TRY(unpack(archive, beside,
             {.as = UnpackAs::kRootFs, .cancelled = &cancelled_, .bound = &unpacked}));
  how.keeps_owners = true;
  const LayeredTree content({beside});
  TRY(copy_content(content, content.root(), folder, how));
  return remove_tree(beside);
}

Result<void> UpperWriter::copy_content(const LayeredTree& from, const LayeredTree::Node& node,
                                       const std::string& folder, const How& how) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, from.names(node));
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> child, from.child(node, name));
    if (child) TRY(copy_node(from, *child, folder, name, how));
  }
  return {};
}

Result<void> UpperWriter::copy_node(const LayeredTree& from, const LayeredTree::Node& node,
                                    const std::string& folder, std::string_view name,
                                    const How& how) {
  if (cancelled_) return fail(Code::kCancelled, "the build was cancelled");
  const std::string inside = cat(folder == "/" ? "" : folder, "/", name);
  if (node.is_folder()) {
    ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> old, below_.find(inside));
    ASSIGN_OR_RETURN(const std::string real, open_folder(inside, how.owner_of(node.info)));
    touched_ = true;
    if (!old && ::chmod((upper_ + real).c_str(), how.mode.value_or(node.info.st_mode & 07777)) != 0)
      return sys_fail(cat("chmod ", real));
    return copy_content(from, node, real, how);
  }
  ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> old,
                   below_.find(inside, LayeredTree::LastLink::kKeep));
  if (old && old->is_folder())
    return fail(Code::kInvalidArgument, inside, " is a folder, and a file cannot replace it");
  const std::string path = upper_ + inside;
  struct stat here;
  if (::lstat(path.c_str(), &here) == 0) {
    if (S_ISDIR(here.st_mode))
      return fail(Code::kInvalidArgument, inside, " is a folder, and a file cannot replace it");
    if (::unlink(path.c_str()) != 0) return sys_fail(cat("replace ", path));
  }
  touched_ = true;
  return copy_file(node, path, how);
}

Result<void> UpperWriter::copy_file(const LayeredTree::Node& node, const std::string& path,
                                    const How& how) {
  const std::string& source = node.parts[0];
  const Owner owner = how.owner_of(node.info);
  if (S_ISLNK(node.info.st_mode)) {
    std::string target(PATH_MAX, '\0');
    const ssize_t n = ::readlink(source.c_str(), target.data(), target.size());
    if (n < 0) return sys_fail(cat("read the link ", source));
    target.resize(static_cast<std::size_t>(n));
    if (::symlink(target.c_str(), path.c_str()) != 0) return sys_fail(cat("link ", path));
    if (::lchown(path.c_str(), owner.uid, owner.gid) != 0) return sys_fail(cat("chown ", path));
    return {};
  }
  if (!S_ISREG(node.info.st_mode)) return {};  // sockets, pipes and devices are no content
  const UniqueFd from(::open(source.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!from) return sys_fail(cat("open ", source));
  const UniqueFd to(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return sys_fail(cat("create ", path));
  for (ssize_t n;
       (n = ::copy_file_range(from.get(), nullptr, to.get(), nullptr, 64 << 20, 0)) != 0;) {
    if (n < 0 && errno != EINTR) return sys_fail(cat("copy to ", path));
    if (n > 0) TRY(bound_.add(static_cast<std::uint64_t>(n)));
    if (cancelled_) return fail(Code::kCancelled, "the build was cancelled");
  }
  if (::fchown(to.get(), owner.uid, owner.gid) != 0 ||
      ::fchmod(to.get(), how.mode.value_or(node.info.st_mode & 07777)) != 0)
    return sys_fail(cat("set the owner of ", path));
  std::array<char, 64> capability;
  const ssize_t size =
      ::fgetxattr(from.get(), "security.capability", capability.data(), capability.size());
  if (size > 0 && ::fsetxattr(to.get(), "security.capability", capability.data(),
                              static_cast<std::size_t>(size), 0) != 0)
    return sys_fail(cat("set the capabilities of ", path));
  const timespec times[] = {node.info.st_atim, node.info.st_mtim};
  if (::futimens(to.get(), times) != 0) return sys_fail(cat("set the time of ", path));
  return {};
}

Result<UpperWriter::Owner> UpperWriter::owner_of(const std::string& chown) const {
  Owner owner;
  if (chown.empty()) return owner;
  const std::size_t colon = chown.find(':');
  ASSIGN_OR_RETURN(owner.uid, id_of(chown.substr(0, colon), "/etc/passwd", &owner));
  // "--chown=web" takes the user's own group, "--chown=5" group 5.
  if (colon == chown.npos) {
    if (const auto plain = number(chown, 10)) owner.gid = *plain;
    return owner;
  }
  ASSIGN_OR_RETURN(owner.gid, id_of(chown.substr(colon + 1), "/etc/group", nullptr));
  return owner;
}

Result<unsigned> UpperWriter::id_of(const std::string& name, std::string_view table,
                                    Owner* both) const {
  std::optional<unsigned> id = number(name, 10);
  if (!id) {
    ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> file, below_.find(table));
    std::istringstream lines(
        file && S_ISREG(file->info.st_mode) ? read_file(file->parts[0]).value_or("") : "");
    for (std::string line; !id && std::getline(lines, line);) {
      if (!line.starts_with(cat(name, ":"))) continue;
      std::istringstream fields(line);
      std::string word, gid;
      for (int i = 0; i < 3; ++i) std::getline(fields, word, ':');
      std::getline(fields, gid, ':');
      id = number(word, 10);
      if (both) both->gid = number(gid, 10).value_or(0);
    }
  }
  if (!id || *id >= kIdCount)
    return fail(Code::kInvalidArgument, "the image has no \"", name, "\" in ", table);
  return *id;
}

}  // namespace ionian::images
