#include "images/oci.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "blobs/hash.h"
#include "images/archive.h"

namespace ionian::images {
namespace {

using Json = nlohmann::json;

// An image of more layers would not fit into one overlay mount.
constexpr std::size_t kLayerLimit = 120;

Result<Json> parse(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, 4 << 20));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return fail(Code::kInvalidArgument, path, " is not JSON");
  return json;
}

// The path of the blob that a descriptor names, once its content is what it says.
Result<std::string> blob(const std::string& folder, const Json& descriptor) {
  const std::string digest = descriptor.value("digest", "");
  constexpr std::string_view kPrefix = "sha256:";
  if (!digest.starts_with(kPrefix) ||
      !blobs::is_sha256_hex(std::string_view(digest).substr(kPrefix.size())))
    return fail(Code::kInvalidArgument, "the image has the unknown digest \"", digest, "\"");
  std::string path = cat(folder, "/blobs/sha256/", digest.substr(kPrefix.size()));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(Code::kInvalidArgument, "the image lacks its blob ", digest);
  blobs::Hasher hasher = blobs::Hasher::sha256();
  std::string buffer(1 << 18, '\0');
  for (ssize_t n; (n = ::read(fd.get(), buffer.data(), buffer.size())) != 0;) {
    if (n < 0 && errno != EINTR) return sys_fail(cat("read ", path));
    if (n > 0) hasher.update({buffer.data(), static_cast<std::size_t>(n)});
  }
  if (hasher.hex() != digest.substr(kPrefix.size()))
    return fail(Code::kInvalidArgument, "the image's blob ", digest, " is damaged");
  return path;
}

std::string architecture() {
  utsname name;
  ::uname(&name);
  const std::string_view machine = name.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : std::string(machine);
}

// Follows indexes down to one manifest.
Result<Json> find_manifest(const std::string& folder) {
  ASSIGN_OR_RETURN(Json index, parse(folder + "/index.json"));
  for (int depth = 0; depth < 4; ++depth) {
    if (index.contains("layers")) return index;
    const Json manifests = index.value("manifests", Json::array());
    const Json* chosen = nullptr;
    for (const Json& each : manifests) {
      const Json platform = each.value("platform", Json::object());
      if (manifests.size() == 1 || (platform.value("architecture", "") == architecture() &&
                                    platform.value("os", "linux") == "linux")) {
        chosen = &each;
        break;
      }
    }
    if (!chosen)
      return fail(Code::kInvalidArgument, "there is no image for linux/", architecture(), " in it");
    ASSIGN_OR_RETURN(const std::string path, blob(folder, *chosen));
    ASSIGN_OR_RETURN(index, parse(path));
  }
  return fail(Code::kInvalidArgument, "its indexes are nested too deep");
}

std::vector<std::string> strings(const Json& object, const char* name) {
  std::vector<std::string> out;
  if (const auto it = object.find(name); it != object.end() && it->is_array())
    for (const Json& text : *it)
      if (text.is_string()) out.push_back(text.get<std::string>());
  return out;
}

ImageConfig read_config(const Json& document) {
  ImageConfig config;
  const Json inner = document.value("config", Json::object());
  if (!inner.is_object()) return config;
  for (const std::string& line : strings(inner, "Env"))
    if (const std::size_t equals = line.find('='); equals != line.npos)
      set_variable(config.env, line.substr(0, equals), line.substr(equals + 1));
  config.workdir = inner.value("WorkingDir", "");
  config.user = inner.value("User", "");
  config.entrypoint = strings(inner, "Entrypoint");
  config.cmd = strings(inner, "Cmd");
  config.shell = strings(inner, "Shell");
  return config;
}

Result<BuiltImage> import(const std::string& folder, const LayerStore& layers,
                          const std::atomic<bool>& cancelled, WriteBound* bound,
                          std::vector<std::string>& made) {
  ASSIGN_OR_RETURN(const Json manifest, find_manifest(folder));
  ASSIGN_OR_RETURN(const std::string config_path,
                   blob(folder, manifest.value("config", Json::object())));
  ASSIGN_OR_RETURN(const Json config, parse(config_path));
  BuiltImage image;
  image.config = read_config(config);
  if (manifest["layers"].size() > kLayerLimit)
    return fail(Code::kInvalidArgument, "the image has more than ", kLayerLimit, " layers");
  for (const Json& descriptor : manifest["layers"]) {
    ASSIGN_OR_RETURN(const std::string path, blob(folder, descriptor));
    ASSIGN_OR_RETURN(const ScratchFolder scratch, layers.scratch());
    const std::string root = scratch.path() + "/root";
    TRY(make_folders(root));
    TRY(unpack(path, root, {.as = UnpackAs::kOciLayer, .cancelled = &cancelled, .bound = bound}));
    ASSIGN_OR_RETURN(std::string id, layers.commit(root, 0));
    made.push_back(std::move(id));
  }
  image.layers = made;
  return image;
}

}  // namespace

Result<BuiltImage> import_oci_layout(const std::string& folder, const LayerStore& layers,
                                     const std::atomic<bool>& cancelled, WriteBound* bound) {
  std::vector<std::string> made;
  Result<BuiltImage> image = [&]() -> Result<BuiltImage> {
    try {
      return import(folder, layers, cancelled, bound, made);
    } catch (const Json::exception& error) {  // a member of another type than the format says
      return fail(Code::kInvalidArgument, "the image's description is malformed: ", error.what());
    }
  }();
  if (!image)
    for (const std::string& id : made) (void)layers.remove(id);
  return image;
}

}  // namespace ionian::images
