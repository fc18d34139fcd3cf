#include "images/base_images.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "blobs/hash.h"
#include "images/archive.h"
#include "images/oci.h"
#include "images/subprocess.h"
#include "images/upper_bound.h"

namespace ionian::images {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// What may be handed to skopeo as part of an argument.
Result<void> check_tag(std::string_view tag) {
  const bool fits =
      !tag.empty() && tag.size() <= 512 && tag.front() != '-' &&
      std::ranges::all_of(tag, [](unsigned char c) {
        return std::isalnum(c) || std::string_view("._-/:@").find(c) != std::string_view::npos;
      });
  if (!fits) return fail(Code::kInvalidArgument, "\"", tag, "\" is not the name of an image");
  return {};
}

Json to_json(const LocalImage& image) {
  const ImageConfig& c = image.image.config;
  return {{"tag", image.tag},
          {"source", image.source},
          {"layers", image.image.layers},
          {"env", c.env},
          {"workdir", c.workdir},
          {"user", c.user},
          {"entrypoint", c.entrypoint},
          {"cmd", c.cmd},
          {"shell", c.shell},
          {"python_version", c.python_version},
          {"libc", c.libc}};
}

LocalImage from_json(const Json& json) {
  LocalImage out;
  json.at("tag").get_to(out.tag);
  json.at("source").get_to(out.source);
  json.at("layers").get_to(out.image.layers);
  ImageConfig& c = out.image.config;
  json.at("env").get_to(c.env);
  json.at("workdir").get_to(c.workdir);
  json.at("user").get_to(c.user);
  json.at("entrypoint").get_to(c.entrypoint);
  json.at("cmd").get_to(c.cmd);
  json.at("shell").get_to(c.shell);
  json.at("python_version").get_to(c.python_version);
  json.at("libc").get_to(c.libc);
  return out;
}

Result<LocalImage> read_record(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path));
  try {
    return from_json(Json::parse(text));
  } catch (const Json::exception& error) {
    return fail(Code::kDataLoss, path, " is damaged: ", error.what());
  }
}

}  // namespace

// Registries that did not answer, and until when that is believed.
struct BaseImages::Misses {
  std::mutex mutex;
  std::map<std::string, std::chrono::steady_clock::time_point> until;
};

BaseImages::BaseImages(BaseSettings settings, const LayerStore& layers)
    : settings_(std::move(settings)), layers_(&layers), misses_(std::make_shared<Misses>()) {}

Result<BaseImages> BaseImages::open_folder(BaseSettings settings, const LayerStore& layers) {
  TRY(clear_scratch(settings.root));
  TRY(clear_scratch(settings.cache));
  return BaseImages(std::move(settings), layers);
}

std::string BaseImages::record_path(std::string_view tag) const {
  return cat(settings_.root, "/", blobs::sha256_hex(short_tag(tag)), ".json");
}

Result<std::optional<LocalImage>> BaseImages::find(std::string_view tag) const {
  const std::string path = record_path(tag);
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  ASSIGN_OR_RETURN(LocalImage image, read_record(path));
  // A folder of layers that was emptied by hand: as if it had never come.
  for (const std::string& id : image.image.layers)
    if (!layers_->exists(id)) return std::nullopt;
  return image;
}

Result<void> BaseImages::save(const LocalImage& image) const {
  return write_file_durably(record_path(image.tag), to_json(image).dump(1), 0644);
}

std::vector<std::string> BaseImages::skopeo(std::vector<std::string> args) const {
  std::vector<std::string> out = {"skopeo"};
  if (!settings_.registries_conf.empty())
    out.push_back(cat("--registries-conf=", settings_.registries_conf));
  out.insert(out.end(), args.begin(), args.end());
  return out;
}

bool BaseImages::registry_reachable(std::string_view tag,
                                    const std::atomic<bool>& cancelled) const {
  if (settings_.registries == Registries::kNever) return false;
  const std::string name = short_tag(tag);
  const std::string host = name.substr(0, name.find('/'));
  const std::string key =
      host.find_first_of(".:") != host.npos && name.find('/') != name.npos ? host : "";
  {
    const std::lock_guard lock(misses_->mutex);
    if (auto it = misses_->until.find(key);
        it != misses_->until.end() && it->second > std::chrono::steady_clock::now())
      return false;
  }
  auto exit = run_command(
      {.args = skopeo({"--command-timeout=20s", "inspect", "--raw", cat("docker://", name)}),
       .cancelled = &cancelled});
  if (exit && exit->code == 0) return true;
  const bool answered = exit && (exit->tail.find("manifest unknown") != exit->tail.npos ||
                                 exit->tail.find("unauthorized") != exit->tail.npos ||
                                 exit->tail.find("denied") != exit->tail.npos);
  if (!answered) {
    const std::lock_guard lock(misses_->mutex);
    // Names come from users: bounded.
    if (misses_->until.size() > 1000) misses_->until.clear();
    misses_->until[key] = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  }
  return answered;
}

Result<BuiltImage> BaseImages::get(std::string_view given, BuildLog& log,
                                   const std::atomic<bool>& cancelled) const {
  if (given == "scratch") return BuiltImage{};
  TRY(check_tag(given));
  const std::string tag = short_tag(given);
  ASSIGN_OR_RETURN(std::optional<LocalImage> local, find(tag));
  if (local) return local->image;
  ASSIGN_OR_RETURN(
      const UniqueFd lock,
      lock_in_folder(settings_.root, blobs::sha256_hex(tag).substr(0, 32), &cancelled));
  ASSIGN_OR_RETURN(local, find(tag));
  if (local) return local->image;

  const std::optional<Recipe> recipe = recipe_for(tag);
  if (registry_reachable(tag, cancelled)) {
    auto image = pull(tag, log, cancelled);
    if (!image && image.error().code == Code::kResourceExhausted)
      image = prepend(cat("pull ", tag), image.error());
    if (image || !recipe || image.error().code == Code::kCancelled) return image;
    log.write(2, cat(image.error().message, "\n"));
  }
  if (cancelled) return fail(Code::kCancelled, "the build was cancelled");
  if (recipe) return cook(tag, *recipe, log, cancelled);
  ASSIGN_OR_RETURN(const std::string at_hand, what_is_at_hand());
  return fail(Code::kInvalidArgument, "there is no image ", tag, ": it is not in the local store, ",
              settings_.registries == Registries::kTry ? "its registry cannot be reached"
                                                       : "registries are switched off",
              ", and no recipe makes it. At hand are: ", at_hand,
              ". `ionian image import` adds others");
}

Result<BuiltImage> BaseImages::pull(const std::string& tag, BuildLog& log,
                                    const std::atomic<bool>& cancelled) const {
  log.write(1, cat("Pulling ", tag, "\n"));
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(settings_.root));
  const std::string oci = scratch.path() + "/oci";
  UpperBound packed(oci, settings_.disk_bytes);
  TRY(run_or_fail(cat("pull ", tag),
                  {.args = skopeo({"copy", cat("docker://", tag), cat("oci:", oci, ":image")}),
                   .on_output = [&](int fd, std::string_view text) { log.write(fd, text); },
                   .cancelled = &cancelled,
                   .allowed = [&] { return packed.check(); }}));
  WriteBound bound(settings_.disk_bytes);
  ASSIGN_OR_RETURN(BuiltImage image, import_oci_layout(oci, *layers_, cancelled, &bound));
  TRY(save({tag, "registry", image}));
  return image;
}

Result<BuiltImage> BaseImages::cook(const std::string& tag, const Recipe& recipe, BuildLog& log,
                                    const std::atomic<bool>& cancelled) const {
  log.write(1,
            cat("No registry at hand for ", tag, ": making it from Debian ", recipe.suite, ".\n"));
  if (!recipe.python.empty())
    log.write(1, cat("Debian's patch release of Python ", recipe.python,
                     " stands in for the one that was asked for.\n"));
  const std::string source = cat("recipe ", recipe.name());
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(settings_.root, recipe.name(), &cancelled));
  // Every tag that the same recipe serves shares its layer.
  ASSIGN_OR_RETURN(const std::vector<LocalImage> local, list());
  for (const LocalImage& other : local)
    if (other.source == source && std::ranges::all_of(other.image.layers, [&](const auto& id) {
          return layers_->exists(id);
        })) {
      TRY(save({tag, source, other.image}));
      return other.image;
    }
  ASSIGN_OR_RETURN(
      const std::string archive,
      make_root_file_system(recipe, settings_.host.get(), settings_.cache, log, cancelled));
  ASSIGN_OR_RETURN(BuiltImage image, from_root_file_system(archive, cancelled));
  image.config = config_of(recipe);
  TRY(save({tag, source, image}));
  return image;
}

Result<BuiltImage> BaseImages::from_root_file_system(const std::string& path,
                                                     const std::atomic<bool>& cancelled) const {
  ASSIGN_OR_RETURN(const ScratchFolder scratch, layers_->scratch());
  const std::string root = scratch.path() + "/root";
  TRY(make_folders(root));
  TRY(unpack(path, root, {.as = UnpackAs::kRootFs, .cancelled = &cancelled}));
  ASSIGN_OR_RETURN(std::string id, layers_->commit(root, 0));
  BuiltImage image;
  image.layers = {std::move(id)};
  image.config.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  return image;
}

Result<BuiltImage> BaseImages::from_archive(const std::string& path,
                                            const std::atomic<bool>& cancelled) const {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return fail(Code::kNotFound, "there is no file ", path);
  if (S_ISDIR(info.st_mode)) return import_oci_layout(path, *layers_, cancelled);
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(settings_.root));
  const auto has = [&](std::string_view name) {
    return read_member(path, name, 64 << 20).has_value();
  };
  if (has("oci-layout")) {
    TRY(unpack(path, scratch.path(), {.as = UnpackAs::kPlain, .cancelled = &cancelled}));
    return import_oci_layout(scratch.path(), *layers_, cancelled);
  }
  if (has("manifest.json")) {
    TRY(run_or_fail(cat("read ", path),
                    {.args = skopeo({"copy", cat("docker-archive:", path),
                                     cat("oci:", scratch.path(), "/oci:image")}),
                     .cancelled = &cancelled}));
    return import_oci_layout(scratch.path() + "/oci", *layers_, cancelled);
  }
  return from_root_file_system(path, cancelled);
}

Result<void> BaseImages::import(std::string_view tag, const std::string& path,
                                const std::atomic<bool>& cancelled) const {
  TRY(check_tag(tag));
  ASSIGN_OR_RETURN(BuiltImage image, from_archive(path, cancelled));
  return save({short_tag(tag), "import", std::move(image)});
}

Result<std::vector<LocalImage>> BaseImages::list() const {
  std::vector<LocalImage> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(settings_.root, error)) {
    if (entry.path().extension() != ".json") continue;
    auto image = read_record(entry.path());
    // One that is being removed right now is gone.
    if (!image && ::access(entry.path().c_str(), F_OK) != 0) continue;
    if (!image) return std::unexpected(image.error());
    out.push_back(std::move(*image));
  }
  if (error) return fail(Code::kInternal, "read ", settings_.root, ": ", error.message());
  std::ranges::sort(out, {}, &LocalImage::tag);
  return out;
}

Result<std::vector<std::string>> BaseImages::remove(std::string_view tag) const {
  ASSIGN_OR_RETURN(const std::optional<LocalImage> image, find(tag));
  const std::string path = record_path(tag);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT)
      return fail(Code::kNotFound, "there is no image ", short_tag(tag), " in the local store");
    return sys_fail(cat("remove ", path));
  }
  TRY(sync_folder(settings_.root));
  std::vector<std::string> unused = image ? image->image.layers : std::vector<std::string>{};
  ASSIGN_OR_RETURN(const std::vector<LocalImage> rest, list());
  for (const LocalImage& other : rest)
    std::erase_if(unused, [&](const std::string& id) {
      return std::ranges::count(other.image.layers, id) > 0;
    });
  return unused;
}

Result<std::string> BaseImages::what_is_at_hand() const {
  ASSIGN_OR_RETURN(const std::vector<LocalImage> images, list());
  std::string out = recipes_at_hand();
  for (const LocalImage& image : images)
    if (!image.source.starts_with("recipe")) cat_to(out, ", ", image.tag);
  return out;
}

}  // namespace ionian::images
