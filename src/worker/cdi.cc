#include "worker/cdi.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "worker/yaml.h"

namespace ionian::worker {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::uintmax_t kFileMax = 4 << 20;
// Of a device in its CDI file, where neither the driver nor the test has another way to tell.
constexpr const char* kTypeAnnotation = "gpu-type";

std::string text_at(const json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

const json& list_at(const json& object, const char* key) {
  static const json kNone = json::array();
  if (!object.is_object()) return kNone;
  const auto it = object.find(key);
  return it != object.end() && it->is_array() ? *it : kNone;
}

json edits_of(const json& object) {
  return object.is_object() && object.contains("containerEdits") ? object["containerEdits"]
                                                                 : json();
}

TaskBind bind_of(std::string source, std::string target) {
  TaskBind bind;
  bind.set_source(std::move(source));
  bind.set_target(std::move(target));
  bind.set_read_only(true);
  return bind;
}

// What ldconfig has made beside a library on the host: libcuda.so.1 for libcuda.so.535.104.05. The
// container gets them as binds, for its own /etc/ld.so.cache stays as its image has it.
void add_other_names(const TaskBind& library, std::vector<TaskBind>& binds) {
  const fs::path source(library.source());
  const std::string file = source.filename();
  const std::size_t so = file.find(".so.");
  if (so == std::string::npos) return;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(source.parent_path(), error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(file.substr(0, so + 3)) || name == file || !entry.is_symlink(error))
      continue;
    if (!fs::equivalent(entry.path(), source, error)) continue;
    binds.push_back(bind_of(library.source(), fs::path(library.target()).replace_filename(name)));
  }
}

// `create-symlinks --link TARGET::LINK` as a bind of what TARGET shows.
void add_link(const std::string& words, std::vector<TaskBind>& binds) {
  const std::size_t colons = words.find("::");
  if (colons == std::string::npos) return;
  const fs::path link(words.substr(colons + 2));
  const fs::path target = (link.parent_path() / words.substr(0, colons)).lexically_normal();
  const auto shown = std::ranges::find(binds, target.string(), &TaskBind::target);
  if (shown != binds.end()) binds.push_back(bind_of(shown->source(), link));
}

// The hooks of nvidia-container-toolkit, without running its programs: links become binds, and
// folders of the linker's cache become LD_LIBRARY_PATH. All others change what is not ours to give.
void add_hook(const json& hook, CdiDevice& device) {
  const json& args = list_at(hook, "args");
  for (std::size_t i = 0; i + 1 < args.size(); ++i) {
    const std::string word = args[i].is_string() ? args[i].get<std::string>() : "";
    const std::string next = args[i + 1].is_string() ? args[i + 1].get<std::string>() : "";
    if (word == "--link") add_link(next, device.binds);
    if (word == "--folder") device.libraries.push_back(next);
  }
}

void add_edits(const json& edits, CdiDevice& device) {
  for (const json& node : list_at(edits, "deviceNodes")) {
    const std::string path = text_at(node, "path"), host = text_at(node, "hostPath");
    TaskBind bind = bind_of(host.empty() ? path : host, path);
    bind.set_device(true);
    bind.set_read_only(false);
    device.binds.push_back(std::move(bind));
  }
  for (const json& mount : list_at(edits, "mounts")) {
    TaskBind bind = bind_of(text_at(mount, "hostPath"), text_at(mount, "containerPath"));
    // As containers' runtimes have it: writable unless it says otherwise.
    const json& options = list_at(mount, "options");
    bind.set_read_only(std::ranges::find(options, json("ro")) != options.end());
    device.binds.push_back(bind);
    add_other_names(bind, device.binds);
  }
  for (const json& variable : list_at(edits, "env")) {
    const std::string text = variable.is_string() ? variable.get<std::string>() : "";
    if (const std::size_t equals = text.find('='); equals != std::string::npos)
      device.env[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const json& hook : list_at(edits, "hooks")) add_hook(hook, device);
}

Result<void> check(const CdiDevice& device) {
  for (const TaskBind& bind : device.binds)
    if (!bind.source().starts_with('/') || !bind.target().starts_with('/'))
      return fail(Code::kInvalidArgument, "device ", device.name, ": '", bind.source(), "' to '",
                  bind.target(), "' is not absolute");
  return {};
}

std::set<std::string> nodes_of(const CdiDevice& device) {
  std::set<std::string> nodes;
  for (const TaskBind& bind : device.binds)
    if (bind.device()) nodes.insert(bind.source());
  return nodes;
}

std::string type_of(const json& device, const CdiDevice& made,
                    const std::map<unsigned, std::string>& types) {
  if (const std::string said =
          device.contains("annotations") ? text_at(device["annotations"], kTypeAnnotation) : "";
      !said.empty())
    return said;
  for (const TaskBind& bind : made.binds) {
    constexpr std::string_view kPrefix = "/dev/nvidia";
    if (!bind.device() || !bind.source().starts_with(kPrefix)) continue;
    unsigned minor = 0;
    const char *from = bind.source().data() + kPrefix.size(),
               *to = bind.source().data() + bind.source().size();
    const auto [stop, error] = std::from_chars(from, to, minor);
    if (error != std::errc() || stop != to) continue;
    if (const auto it = types.find(minor); it != types.end()) return it->second;
  }
  return "UNKNOWN";
}

// "Model: \t NVIDIA L4" and "Device Minor: \t 0", for each of the driver's devices.
std::map<unsigned, std::string> types_by_minor(const std::string& folder) {
  std::map<unsigned, std::string> types;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string text = read_file((entry.path() / "information").string()).value_or("");
    const auto value = [&](std::string_view key) {
      const std::size_t at = text.find(key);
      if (at == std::string::npos) return std::string();
      const std::size_t from = text.find_first_not_of(" \t", at + key.size());
      return from == std::string::npos ? "" : text.substr(from, text.find('\n', from) - from);
    };
    const std::string minor = value("Device Minor:");
    unsigned number = 0;
    if (std::from_chars(minor.data(), minor.data() + minor.size(), number).ec == std::errc())
      types[number] = gpu_type_of_model(value("Model:"));
  }
  return types;
}

}  // namespace

std::string gpu_type_of_model(std::string_view model) {
  const auto names = [&](std::string_view word) {
    return model.find(word) != std::string_view::npos;
  };
  if (names("A100")) return names("80GB") ? "A100-80GB" : "A100-40GB";
  for (const char* type : {"H100", "H200", "B200", "B300", "L40S", "A10G"})
    if (names(type)) return type;
  std::string type;
  for (const char c : model.starts_with("NVIDIA ") ? model.substr(7) : model)
    type += c == ' ' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (type.starts_with("TESLA-")) type.erase(0, 6);
  return type.empty() ? "UNKNOWN" : type;
}

Result<std::vector<CdiDevice>> parse_cdi(const std::string& text,
                                         const std::map<unsigned, std::string>& types) {
  ASSIGN_OR_RETURN(const json file, parse_yaml(text));
  const std::string kind = text_at(file, "kind");
  if (text_at(file, "cdiVersion").empty() || kind.find('/') == std::string::npos)
    return fail(Code::kInvalidArgument, "it has no cdiVersion, or no kind like nvidia.com/gpu");
  std::vector<CdiDevice> devices;
  if (!kind.ends_with("/gpu")) return devices;
  for (const json& entry : list_at(file, "devices")) {
    const std::string name = text_at(entry, "name");
    CdiDevice device{.name = cat(kind, '=', name)};
    add_edits(edits_of(entry), device);
    device.type = type_of(entry, device, types);
    const std::set<std::string> own = nodes_of(device);
    // All of them at once, and those that an earlier name gives already.
    if (name == "all" || own.empty() || std::ranges::any_of(devices, [&](const CdiDevice& d) {
          return std::ranges::includes(nodes_of(d), own);
        }))
      continue;
    devices.push_back(std::move(device));
  }
  // What the file gives with each of them.
  for (CdiDevice& device : devices) {
    add_edits(edits_of(file), device);
    TRY(check(device));
  }
  return devices;
}

std::vector<CdiDevice> read_cdi(const CdiFolders& folders) {
  const auto types = types_by_minor(folders.models);
  std::vector<CdiDevice> all;
  for (const std::string& folder : folders.files) {
    std::error_code error;
    std::set<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
      if (const auto end = entry.path().extension();
          end == ".json" || end == ".yaml" || end == ".yml")
        files.insert(entry.path());
    for (const fs::path& path : files) {
      const bool small = fs::file_size(path, error) <= kFileMax;
      const Result<std::string> text = read_file(path.string());
      auto devices = !text    ? Result<std::vector<CdiDevice>>(std::unexpected(text.error()))
                     : !small ? fail(Code::kInvalidArgument, "it is larger than 4 MiB")
                              : parse_cdi(*text, types);
      if (!devices) {
        log::warning("the devices of ", path.string(),
                     " are not offered: ", devices.error().message);
        continue;
      }
      // A later folder overrides an earlier one, by name.
      for (CdiDevice& device : *devices) {
        std::erase_if(all, [&](const CdiDevice& d) { return d.name == device.name; });
        all.push_back(std::move(device));
      }
    }
  }
  return all;
}

void give_devices(TaskSpec& task, const std::vector<CdiDevice>& all,
                  const std::vector<std::string>& names) {
  std::set<std::string> targets;
  std::vector<std::string> folders;
  for (const CdiDevice& device : all) {
    if (std::ranges::find(names, device.name) == names.end()) continue;
    for (const TaskBind& bind : device.binds)
      if (targets.insert(bind.target()).second) *task.add_binds() = bind;
    for (const auto& [name, value] : device.env) (*task.mutable_env())[name] = value;
    for (const std::string& folder : device.libraries)
      if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
  }
  std::string path = folders.empty() ? "" : (*task.mutable_env())["LD_LIBRARY_PATH"];
  for (const std::string& folder : folders) path += cat(path.empty() ? "" : ":", folder);
  if (!path.empty()) (*task.mutable_env())["LD_LIBRARY_PATH"] = path;
}

}  // namespace ionian::worker
