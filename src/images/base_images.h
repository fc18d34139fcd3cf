#pragma once
// Where `FROM some:tag` comes from: the local store, a registry, a built-in recipe, in this order.
// What came once stays in the local store: ROOT/<sha256 of the tag>.json names its layers in the
// LayerStore.
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "images/base_recipe.h"
#include "images/layers.h"

namespace ionian::images {

enum class Registries { kNever, kTry };

struct BaseSettings {
  std::string root;   // DATA/bases
  std::string cache;  // base images of recipes that survive a new data folder
  Registries registries = Registries::kTry;
  // A registries.conf(5) with mirrors and insecure registries, "" = this host's own.
  std::string registries_conf;
  HostSettingsWhenWanted host;
  std::uint64_t disk_bytes = 0;  // of an image from a registry; 0 = no bound
};

struct LocalImage {
  std::string tag;     // short_tag()
  std::string source;  // "import", "registry" or "recipe bookworm-python3.11"
  BuiltImage image;
};

// All methods may be called from any thread; what two ask for at once is made once.
class BaseImages {
 public:
  // Removes what a former life left half done. `layers` must outlive it.
  static Result<BaseImages> open_folder(BaseSettings settings, const LayerStore& layers);

  // The image of a tag. "scratch" is an image without layers. The log says where it comes from, and
  // that Debian's patch release stands in where a recipe serves "python:3.11.12-slim-bookworm".
  //   errors  INVALID_ARGUMENT no such image anywhere; the message lists what is at hand ·
  //   RESOURCE_EXHAUSTED a registry's is above the bound · CANCELLED
  Result<BuiltImage> get(std::string_view tag, BuildLog& log,
                         const std::atomic<bool>& cancelled) const;
  // Whether a registry answers for the repository of `tag`. A failure is remembered for a minute.
  bool registry_reachable(std::string_view tag, const std::atomic<bool>& cancelled) const;

  // Takes an image into the local store under `tag`, in place of one that has it: the folder or tar
  // archive of an OCI layout, an archive of `docker save`, or a tar of a root file system.
  //   errors  INVALID_ARGUMENT neither of these, damaged, or not a tag · NOT_FOUND no such file
  Result<void> import(std::string_view tag, const std::string& path,
                      const std::atomic<bool>& cancelled) const;
  // By tag.
  Result<std::vector<LocalImage>> list() const;
  // Forgets a tag. Returns its layers, which images built on it may still use: the caller removes
  // those that nothing needs. NOT_FOUND if there is no such tag.
  Result<std::vector<std::string>> remove(std::string_view tag) const;

 private:
  struct Misses;
  std::vector<std::string> skopeo(std::vector<std::string> args) const;
  BaseImages(BaseSettings settings, const LayerStore& layers);
  std::string record_path(std::string_view tag) const;
  Result<std::optional<LocalImage>> find(std::string_view tag) const;
  Result<void> save(const LocalImage& image) const;
  Result<BuiltImage> pull(const std::string& tag, BuildLog& log,
                          const std::atomic<bool>& cancelled) const;
  Result<BuiltImage> cook(const std::string& tag, const Recipe& recipe, BuildLog& log,
                          const std::atomic<bool>& cancelled) const;
  Result<BuiltImage> from_archive(const std::string& path,
                                  const std::atomic<bool>& cancelled) const;
  Result<BuiltImage> from_root_file_system(const std::string& path,
                                           const std::atomic<bool>& cancelled) const;
  Result<std::string> what_is_at_hand() const;

  BaseSettings settings_;
  const LayerStore* layers_;
  std::shared_ptr<Misses> misses_;
};

}  // namespace ionian::images
