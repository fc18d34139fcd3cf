#include "images/base_recipe.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "blobs/hash.h"
#include "images/folder_lock.h"
#include "images/subprocess.h"

namespace ionian::images {
namespace {

struct Suite {
  std::string_view name, number, python;
};
constexpr Suite kSuites[] = {{"bookworm", "12", "3.11"}, {"trixie", "13", "3.13"}};

// pip comes from the wheels that Debian ships, as a package of its own under /usr/local: a Python
// package of Debian has no RECORD, and a newer pip refuses to replace such a one.
constexpr std::string_view kInstallPip =
    "chroot \"$1\" sh -c 'set -- /usr/share/python-wheels/pip-*.whl; PIP_CONFIG_FILE=/dev/null"
    " python3 \"$1/pip\" install --quiet --no-index --no-cache-dir --no-compile"
    " --find-links=/usr/share/python-wheels pip $PACKAGES'";

// Services must not start while packages are installed, and archives must not stay in a layer. The
// last files are there for the runtime to mount its own over them: without them it would have to
// make them in the layer of each step.
constexpr std::string_view kFinish =
    "printf '#!/bin/sh\\nexit 101\\n' > \"$1/usr/sbin/policy-rc.d\" && "
    "chmod 755 \"$1/usr/sbin/policy-rc.d\" && "
    "printf 'APT::Keep-Downloaded-Packages \"false\";\\n'"
    " > \"$1/etc/apt/apt.conf.d/90keep-no-archives\" && "
    "rm -f \"$1/etc/apt/apt.conf.d/99mmdebstrap\" && "
    "printf '127.0.0.1\\tlocalhost\\n' > \"$1/etc/hosts\" && : > \"$1/etc/resolv.conf\" && "
    ": > \"$1/etc/hostname\"";

std::vector<std::string> arguments(const Recipe& recipe, const HostSettings& host,
                                   const std::string& scratch) {
  std::vector<std::string> args = {"mmdebstrap", "--mode=root", "--variant=minbase",
                                   cat("--aptopt=", scratch, "/apt.conf")};
  std::string packages = "ca-certificates,netbase,tzdata";
  if (!recipe.python.empty())
    packages +=
        ",python3,python3-venv,python3-dev,python-is-python3,python3-pip-whl,python3-setuptools-"
        "whl";
  args.push_back(cat("--include=", packages));
  for (std::string_view path : {"/usr/lib/python3*/EXTERNALLY-MANAGED", "/usr/share/man/*",
                                "/usr/share/info/*", "/usr/share/doc/*", "/usr/share/locale/*"})
    args.push_back(cat("--dpkgopt=path-exclude=", path));
  args.push_back("--dpkgopt=path-include=/usr/share/doc/*/copyright");
  if (!recipe.python.empty()) {
    std::string hook(kInstallPip);
    // Pythons before 3.12 bring setuptools, later ones do not.
    hook.replace(hook.find("$PACKAGES"), 9, recipe.python == "3.11" ? "setuptools" : "");
    args.push_back(cat("--customize-hook=", hook));
  }
  args.push_back(cat("--customize-hook=", kFinish));
  args.push_back(recipe.suite);
  args.push_back(scratch + "/root.tar.zst");
  if (!host.debian.empty()) args.push_back(scratch + "/sources.list");
  return args;
}

}  // namespace

std::string short_tag(std::string_view tag) {
  for (std::string_view prefix : {"docker://", "docker.io/", "index.docker.io/", "library/"})
    if (tag.starts_with(prefix)) tag.remove_prefix(prefix.size());
  const std::size_t slash = tag.rfind('/');
  const bool has_tag = tag.find_first_of(":@", slash == tag.npos ? 0 : slash) != tag.npos;
  return has_tag ? std::string(tag) : cat(tag, ":latest");
}

std::optional<Recipe> recipe_for(std::string_view given) {
  const std::string tag = short_tag(given);
  const std::size_t colon = tag.find(':');
  const std::string_view name = std::string_view(tag).substr(0, colon);
  std::string_view version = std::string_view(tag).substr(colon + 1);
  const std::string_view release = version.substr(0, version.find('-'));
  version.remove_prefix(std::min(release.size() + 1, version.size()));
  for (const Suite& suite : kSuites) {
    if (name == "debian") {
      const bool fits = release == suite.name || release == suite.number ||
                        release.starts_with(cat(suite.number, "."));
      if (fits && (version.empty() || version == "slim"))
        return Recipe{std::string(suite.name), ""};
    }
    if (name == "python") {
      const bool fits = release == suite.python || release.starts_with(cat(suite.python, "."));
      if (fits && (version == "slim" || version == cat("slim-", suite.name)))
        return Recipe{std::string(suite.name), std::string(suite.python)};
    }
  }
  return std::nullopt;
}

std::string recipes_at_hand() {
  std::string out;
  for (const Suite& suite : kSuites)
    cat_to(out, out.empty() ? "" : ", ", "python:", suite.python, "-slim-", suite.name,
           ", debian:", suite.name, "-slim");
  return out;
}

Result<std::string> make_root_file_system(const Recipe& recipe, const HostSettings& host,
                                          const std::string& folder, BuildLog& log,
                                          const std::atomic<bool>& cancelled) {
  TRY(make_folders(folder));
  // A changed recipe makes a new file.
  std::string words;
  for (const std::string& arg : arguments(recipe, {}, "")) cat_to(words, arg, "\n");
  const std::string path =
      cat(folder, "/", recipe.name(), "-", blobs::sha256_hex(words).substr(0, 12), ".tar.zst");
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(folder, recipe.name(), &cancelled));
  if (::access(path.c_str(), F_OK) == 0) return path;

  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(folder));
  std::string apt, sources;
  for (const std::string& line : host.apt_lines) cat_to(apt, line, "\n");
  for (const AptSource& source : host.debian)
    cat_to(sources, "deb ", source.options, source.uri, " ", recipe.suite, source.suite_suffix, " ",
           source.components, "\n");
  TRY(write_file(scratch.path() + "/apt.conf", apt));
  TRY(write_file(scratch.path() + "/sources.list", sources));
  // In namespaces of its own: however it ends, no process and no mount of it stays, and what it had
  // unpacked goes with the scratch folder.
  Command command{
      .args = {"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"},
      .env = {"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", cat("TMPDIR=", scratch.path())},
      .on_output = [&](int fd, std::string_view text) { log.write(fd, text); },
      .cancelled = &cancelled};
  for (std::string& arg : arguments(recipe, host, scratch.path()))
    command.args.push_back(std::move(arg));
  TRY(run_or_fail(cat("make the base image ", recipe.name()), command));
  TRY(sync_file_system(scratch.path()));
  if (::rename((scratch.path() + "/root.tar.zst").c_str(), path.c_str()) != 0)
    return sys_fail(cat("keep ", path));
  return path;
}

ImageConfig config_of(const Recipe& recipe) {
  ImageConfig config;
  config.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  if (!recipe.python.empty()) config.env.emplace_back("LANG", "C.UTF-8");
  config.cmd = {recipe.python.empty() ? "bash" : "python3"};
  return config;
}

}  // namespace ionian::images
