// The part of a build that finds what is read: layers of images, the context, other stages, uv.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "images/archive.h"
#include "images/build.h"
#include "images/mount_tree.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 4 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

Result<LayeredTree> Build::copy_source(const std::string& from) {
  for (const Stage& stage : stages_)
    if (!stage.name.empty() && stage.name == from) return tree_of(stage.image);
  if (is_number(from)) {
    const std::size_t index = std::stoul(from);
    if (index + 1 >= stages_.size())
      return fail(Code::kInvalidArgument, "there is no stage ", from, " before this one");
    return tree_of(stages_[index].image);
  }
  if (const auto base = input_.base_images.find(from); base != input_.base_images.end())
    return tree_of(base->second);
  constexpr std::string_view kUv = "ghcr.io/astral-sh/uv:";
  auto image = builder_.bases_->get(from, log_, cancelled_);
  if (!image && image.error().code == Code::kInvalidArgument && from.starts_with(kUv))
    return uv_tree(from.substr(kUv.size()));
  if (!image) return std::unexpected(image.error());
  return tree_of(*image);
}

// The image of uv holds its two programs and nothing else; its package on PyPI has the same ones,
// linked statically in the wheels for musl.
Result<LayeredTree> Build::uv_tree(const std::string& tag) {
  auto& folder = uv_folders_[tag];
  if (folder.empty()) {
    const std::string version = tag.substr(0, tag.find('-'));
    const bool numbered =
        !version.empty() && version.find_first_not_of("0123456789.") == version.npos;
    if (!numbered && tag != "latest")
      return fail(Code::kInvalidArgument, "there is no version \"", tag, "\" of uv");
    const bool exact = std::ranges::count(version, '.') >= 2;
    log_.write(1, cat("No registry at hand for uv ", tag, ": taking the package of that name.\n"));
    ASSIGN_OR_RETURN(
        const std::string wheel,
        builder_.wheels_.fetch(numbered ? cat("uv==", version, exact ? "" : ".*") : "uv",
                               {.python = "3.11", .libc = "musl"}, &cancelled_));
    ASSIGN_OR_RETURN(ScratchFolder scratch, builder_.layers_->scratch());
    TRY(unpack(wheel, scratch.path(), {.as = UnpackAs::kPlain, .wanted = [](std::string_view name) {
                                         return name.ends_with("/scripts/uv") ||
                                                name.ends_with("/scripts/uvx");
                                       }}));
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(scratch.path(), error)) {
      if (!entry.is_regular_file()) continue;
      const std::string to = cat(scratch.path(), "/", entry.path().filename().string());
      if (::chmod(entry.path().c_str(), 0755) != 0 || ::link(entry.path().c_str(), to.c_str()) != 0)
        return sys_fail(cat("place ", to));
    }
    folder = scratch.path();
    scratches_.push_back(std::move(scratch));
  }
  return LayeredTree({folder});
}

// The files that came with the request, above the tree of its mount.
Result<LayeredTree> Build::context() {
  if (!context_folder_) {
    ASSIGN_OR_RETURN(ScratchFolder scratch, builder_.layers_->scratch());
    for (const auto& [given, content] : input_.context_files) {
      const std::string name = given.starts_with('/') ? given : cat("/", given);
      if (!is_clean_absolute(name))
        return fail(Code::kInvalidArgument, "a file of the context has the name \"", given, "\"");
      const std::string path = scratch.path() + name;
      TRY(make_folders(path.substr(0, path.rfind('/'))));
      TRY(write_file(path, content));
    }
    context_folder_ = scratch.path();
    scratches_.push_back(std::move(scratch));
  }
  std::vector<std::string> folders;
  if (!input_.context_tree.empty()) folders.push_back(input_.context_tree);
  folders.push_back(*context_folder_);
  return LayeredTree(std::move(folders));
}

Result<std::vector<std::string>> Build::lowers(const BuiltImage& image) {
  std::vector<std::string> out;
  for (const std::string& id : image.layers) {
    if (!builder_.layers_->exists(id))
      return fail(Code::kFailedPrecondition, "a layer of the base image is gone");
    out.push_back(builder_.layers_->path_of(id));
  }
  if (out.empty()) {
    ASSIGN_OR_RETURN(ScratchFolder empty, builder_.layers_->scratch());
    out.push_back(empty.path());
    scratches_.push_back(std::move(empty));
  }
  return out;
}

Result<LayeredTree> Build::tree_of(const BuiltImage& image) {
  ASSIGN_OR_RETURN(std::vector<std::string> folders, lowers(image));
  return LayeredTree(std::move(folders));
}

}  // namespace ionian::images
