#include "images/client_mount.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "blobs/hash.h"
#include "images/archive.h"
#include "images/folder_lock.h"

namespace ionian::images {
namespace {

constexpr std::string_view kSitecustomize =
    "# Packages of the image come first; these are for the runtime itself.\n"
    "import sys\n"
    "\n"
    "sys.path.append(\"/__modal/deps\")\n";

constexpr std::size_t kKnownMax = 256;

// Only what can be part of a path and of a requirement.
Result<void> check_version(std::string_view version) {
  const bool fits =
      !version.empty() && version.size() < 64 && version.front() != '.' &&
      std::ranges::all_of(version, [](unsigned char c) { return std::isalnum(c) || c == '.'; });
  if (!fits) return fail(Code::kInvalidArgument, "\"", version, "\" is not a version");
  return {};
}

// "Requires-Dist: synchronicity~=0.12.7" -> "synchronicity~=0.12.7"
Result<std::string> synchronicity_of(const std::string& wheel, std::string_view version) {
  ASSIGN_OR_RETURN(const std::string metadata,
                   read_member(wheel, cat("modal-", version, ".dist-info/METADATA")));
  constexpr std::string_view kLine = "\nRequires-Dist: synchronicity";
  const std::size_t at = metadata.find(kLine);
  if (at == metadata.npos)
    return fail(Code::kFailedPrecondition, wheel, " does not say which synchronicity it needs");
  std::string line = metadata.substr(at + 1, metadata.find('\n', at + 1) - at - 1);
  line.erase(0, line.find(' ') + 1);
  line.erase(std::min(line.find(';'), line.size()));
  // Old metadata writes "name (>=1.0)".
  std::erase_if(line, [](char c) { return c == '(' || c == ')' || c == ' ' || c == '\r'; });
  return line;
}

}  // namespace

ClientMounts::ClientMounts(ClientMountSettings settings)
    : settings_(std::move(settings)), wheels_(cat(settings_.cache, "/wheels"), settings_.python) {}

Result<ClientMounts> ClientMounts::open_folder(ClientMountSettings settings) {
  TRY(clear_scratch(settings.root));
  TRY(clear_scratch(cat(settings.cache, "/wheels")));
  return ClientMounts(std::move(settings));
}

Result<void> ClientMounts::make_client_tree(const std::string& version,
                                            const std::string& into) const {
  ASSIGN_OR_RETURN(const std::string modal, wheels_.fetch(cat("modal==", version), {}));
  ASSIGN_OR_RETURN(const std::string requirement, synchronicity_of(modal, version));
  ASSIGN_OR_RETURN(const std::string synchronicity, wheels_.fetch(requirement, {}));
  const std::string pkg = cat(into, "/pkg");
  TRY(make_folders(pkg));
  const auto starts_with_one_of = [](std::string_view name,
                                     std::initializer_list<std::string_view> prefixes) {
    return std::ranges::any_of(prefixes, [&](std::string_view p) { return name.starts_with(p); });
  };
  TRY(unpack(modal, pkg, {.as = UnpackAs::kPlain, .wanted = [&](std::string_view name) {
                            return starts_with_one_of(name,
                                                      {"modal/", "modal_proto/", "modal_version/"});
                          }}));
  TRY(unpack(synchronicity, pkg, {.as = UnpackAs::kPlain, .wanted = [&](std::string_view name) {
                                    return starts_with_one_of(name, {"synchronicity/"});
                                  }}));
  return {};
}

Result<std::string> ClientMounts::client_mount(const std::string& version) const {
  TRY(check_version(version));
  const std::string name = cat("client-", version);
  const std::string path = cat(settings_.root, "/", name);
  if (::access(path.c_str(), F_OK) == 0) return path;
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(settings_.root, name));
  if (::access(path.c_str(), F_OK) == 0) return path;
  ASSIGN_OR_RETURN(ScratchFolder scratch, ScratchFolder::make(settings_.root));
  if (Result<void> made = make_client_tree(version, scratch.path()); !made)
    return prepend(cat("make the package of client ", version), made.error());
  for (const std::string& python : settings_.compile_for)
    TRY(wheels_.compile(cat(scratch.path(), "/pkg"), python));
  TRY(scratch.publish(path));
  return path;
}

Result<std::string> ClientMounts::dependency_mount(const std::string& builder_version,
                                                   const std::string& python,
                                                   const std::string& libc) const {
  const bool musl = libc.starts_with("musl");
  const std::tuple key(builder_version, python, musl);
  {
    std::lock_guard lock(known_->mutex);
    const auto found = known_->trees.find(key);
    if (found != known_->trees.end() && ::access(found->second.c_str(), F_OK) == 0)
      return found->second;
  }
  ASSIGN_OR_RETURN(std::string tree, find_dependencies(builder_version, python, musl));
  std::lock_guard lock(known_->mutex);
  if (known_->trees.size() >= kKnownMax) known_->trees.clear();
  return known_->trees[key] = std::move(tree);
}

Result<std::string> ClientMounts::find_dependencies(const std::string& builder_version,
                                                    const std::string& python, bool musl) const {
  TRY(check_version(builder_version));
  TRY(check_version(python));
  ASSIGN_OR_RETURN(const std::string client,
                   wheels_.fetch(cat("modal==", settings_.requirements_client), {}));
  auto text = read_member(client, cat("modal/builder/", builder_version, ".txt"));
  if (!text && text.error().code == Code::kNotFound)
    return fail(Code::kInvalidArgument, "there is no image builder version ", builder_version);
  if (!text) return std::unexpected(text.error());
  ASSIGN_OR_RETURN(const std::vector<std::string> requirements, requirements_for(*text, python));

  const std::string name = cat("deps-", builder_version, "-cp", python, musl ? "-musl-" : "-glibc-",
                               blobs::sha256_hex(*text).substr(0, 16));
  const std::string path = cat(settings_.root, "/", name);
  if (::access(path.c_str(), F_OK) == 0) return path;
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(settings_.root, name));
  if (::access(path.c_str(), F_OK) == 0) return path;
  ASSIGN_OR_RETURN(ScratchFolder scratch, ScratchFolder::make(settings_.root));
  const std::string deps = cat(scratch.path(), "/__modal/deps");
  TRY(make_folders(deps));
  TRY(make_folders(cat(scratch.path(), "/pkg")));
  TRY(write_file(cat(scratch.path(), "/pkg/sitecustomize.py"), kSitecustomize));
  if (auto done = wheels_.install(requirements, {python, musl ? "musl" : "glibc"}, deps); !done)
    return prepend(cat("make the packages of builder ", builder_version, " for Python ", python),
                   done.error());
  if (std::ranges::count(settings_.compile_for, python) > 0)
    TRY(wheels_.compile(scratch.path(), python));
  TRY(scratch.publish(path));
  return path;
}

}  // namespace ionian::images
