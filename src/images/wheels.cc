#include "images/wheels.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "images/folder_lock.h"
#include "images/subprocess.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;

// A file of this name holds the pin that is used where the index lacks the one in the name.
constexpr std::string_view kInsteadOf = "instead-of-";

std::string machine() {
  utsname name;
  return ::uname(&name) == 0 ? name.machine : "x86_64";
}

// The only wheel in `folder`.
Result<std::string> only_wheel(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".whl") return entry.path().filename().string();
  return fail(Code::kInternal, "pip left no wheel in ", folder);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\"'()");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\"'()") - first + 1);
}

Result<bool> one_marker_holds(std::string_view marker, std::string_view python) {
  constexpr std::string_view kName = "python_version";
  marker = trim(marker);
  const std::size_t at = marker.find_first_of("<>=!");
  if (at == marker.npos || trim(marker.substr(0, at)) != kName)
    return fail(Code::kInvalidArgument, "a requirement has the unknown marker ", marker);
  const std::size_t end = marker.find_first_not_of("<>=!", at);
  const std::string_view op = marker.substr(at, end - at);
  const int order = compare_versions(python, trim(marker.substr(end)));
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  if (op == ">=") return order >= 0;
  if (op == "==") return order == 0;
  if (op == "!=") return order != 0;
  return fail(Code::kInvalidArgument, "a requirement has the unknown marker ", marker);
}

Result<bool> marker_holds(std::string_view marker, std::string_view python) {
  constexpr std::string_view kAnd = " and ";
  for (;;) {
    const std::size_t at = marker.find(kAnd);
    ASSIGN_OR_RETURN(const bool holds, one_marker_holds(marker.substr(0, at), python));
    if (!holds || at == marker.npos) return holds;
    marker.remove_prefix(at + kAnd.size());
  }
}

std::string lines_of(const std::vector<std::string>& requirements) {
  std::string out;
  for (const std::string& line : requirements) cat_to(out, line, "\n");
  return out;
}

// The pin that pip says the index does not have, although it has others of that name; else "".
std::string missing_pin(std::string_view output) {
  constexpr std::string_view kSays = "No matching distribution found for ";
  const std::size_t at = output.rfind(kSays);
  if (at == output.npos || output.find("(from versions: none)") != output.npos) return "";
  const std::string_view pin = output.substr(at + kSays.size());
  const std::string_view line = pin.substr(0, pin.find('\n'));
  return line.find("==") == line.npos ? "" : std::string(trim(line));
}

}  // namespace

std::vector<std::string> Wheels::target_args(const WheelTarget& target) const {
  std::vector<std::string> args = {"--no-deps", "--only-binary=:all:", "--disable-pip-version-check"};
  if (target.python.empty()) return args;
  std::string abi = "cp";
  for (char c : target.python)
    if (c != '.') abi += c;
  for (std::string arg : {cat("--python-version=", target.python), std::string("--implementation=cp"),
                          cat("--abi=", abi), std::string("--abi=abi3"), std::string("--abi=none")})
    args.push_back(std::move(arg));
  // Old names of the same platforms too: pip does not infer all of them.
  const bool musl = target.libc.starts_with("musl");
  for (std::string_view platform :
       musl ? std::vector<std::string_view>{"musllinux_1_2", "musllinux_1_1", "musllinux_1_0"}
            : std::vector<std::string_view>{"manylinux_2_17", "manylinux2014", "manylinux_2_12",
                                            "manylinux2010", "manylinux_2_5", "manylinux1"})
    args.push_back(cat("--platform=", platform, "_", machine()));
  return args;
}

Result<std::string> Wheels::fetch(const std::string& requirement, const WheelTarget& target,
                                  const std::atomic<bool>* cancelled) const {
  // One download at a time: the second of two equal ones then finds its wheel in the cache.
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(cache_, "wheels"));
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(cache_));
  Command command{.args = {python_, "-m", "pip", "download", "--quiet", "--ignore-requires-python",
                           cat("--dest=", scratch.path())},
                  .cancelled = cancelled};
  for (std::string& arg : target_args(target)) command.args.push_back(std::move(arg));
  command.args.push_back(requirement);
  Command offline = command;
  offline.args.insert(offline.args.end(), {"--no-index", cat("--find-links=", cache_)});
  ASSIGN_OR_RETURN(const Exit cached, run_command(offline));
  if (cached.code != 0) TRY(run_or_fail(cat("download ", requirement), command));
  ASSIGN_OR_RETURN(const std::string name, only_wheel(scratch.path()));
  const std::string path = cat(cache_, "/", name);
  if (::access(path.c_str(), F_OK) != 0 && ::rename(cat(scratch.path(), "/", name).c_str(), path.c_str()) != 0)
    return sys_fail(cat("keep ", path));
  return path;
}

Result<void> Wheels::fill_cache(std::vector<std::string>& requirements, const WheelTarget& target,
                                const std::atomic<bool>* cancelled) const {
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(cache_));
  Command download{.args = {python_, "-m", "pip", "download", "--quiet",
                            cat("--dest=", scratch.path()),
                            cat("--requirement=", scratch.path(), "/requirements.txt")},
                   .cancelled = cancelled};
  for (std::string& arg : target_args(target)) download.args.push_back(std::move(arg));
  for (std::size_t tries = 0;; ++tries) {
    TRY(write_file(cat(scratch.path(), "/requirements.txt"), lines_of(requirements)));
    ASSIGN_OR_RETURN(const Exit exit, run_command(download));
    if (exit.code == 0) break;
    const auto missing = std::ranges::find(requirements, missing_pin(exit.tail));
    if (missing == requirements.end() || tries == requirements.size())
      return fail(Code::kFailedPrecondition, "download the packages:\n", exit.tail);
    TRY(stand_in(*missing, target, cancelled));
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(scratch.path(), error))
    if (entry.path().extension() == ".whl")
      fs::rename(entry.path(), cat(cache_, "/", entry.path().filename().string()), error);
  if (error) return fail(Code::kInternal, "keep wheels in ", cache_, ": ", error.message());
  return {};
}

Result<void> Wheels::stand_in(std::string& pin, const WheelTarget& target,
                              const std::atomic<bool>* cancelled) const {
  const std::size_t equals = pin.find("==");
  ASSIGN_OR_RETURN(const std::string wheel,
                   fetch(cat(pin.substr(0, equals), "<=", pin.substr(equals + 2)), target, cancelled));
  std::string_view version = std::string_view(wheel).substr(wheel.rfind('/') + 1);
  version.remove_prefix(version.find('-') + 1);
  std::string instead = cat(pin.substr(0, equals + 2), version.substr(0, version.find('-')));
  log::warning("the package index has no ", pin, ": ", instead, " stands in for it");
  TRY(write_file_durably(cat(cache_, "/", kInsteadOf, pin), instead, 0644));
  pin = std::move(instead);
  return {};
}

Result<void> Wheels::install(std::vector<std::string> requirements, const WheelTarget& target,
                             const std::string& into, const std::atomic<bool>* cancelled) const {
  for (std::string& pin : requirements)
    if (auto instead = read_file(cat(cache_, "/", kInsteadOf, pin))) pin = *instead;
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(cache_));
  const std::string file = cat(scratch.path(), "/requirements.txt");
  Command command{.args = {python_, "-m", "pip", "install", "--quiet", "--no-compile", "--no-index",
                           cat("--find-links=", cache_), cat("--target=", into),
                           cat("--requirement=", file)},
                  .cancelled = cancelled};
  for (std::string& arg : target_args(target)) command.args.push_back(std::move(arg));
  TRY(write_file(file, lines_of(requirements)));
  ASSIGN_OR_RETURN(const Exit cached, run_command(command));
  if (cached.code == 0) return {};
  TRY(fill_cache(requirements, target, cancelled));
  TRY(write_file(file, lines_of(requirements)));
  TRY(run_or_fail("install the packages", command));
  return {};
}

Result<void> Wheels::compile(const std::string& tree, const std::string& python) const {
  // A tree is never edited once published, so the compiled files need no check against their sources.
  auto done = run_command({.args = {cat("python", python), "-m", "compileall", "-q", "-j0",
                                    "--invalidation-mode=unchecked-hash", tree}});
  if (!done && done.error().code != Code::kNotFound) return std::unexpected(done.error());
  return {};
}

Result<std::vector<std::string>> requirements_for(std::string_view text, std::string_view python) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::size_t semicolon = line.find(';');
    if (semicolon != line.npos) {
      ASSIGN_OR_RETURN(const bool holds, marker_holds(line.substr(semicolon + 1), python));
      if (!holds) continue;
    }
    out.emplace_back(trim(line.substr(0, semicolon)));
  }
  return out;
}

int compare_versions(std::string_view a, std::string_view b) {
  const auto next = [](std::string_view& text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    const std::size_t dot = text.find('.');
    text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
    return number;
  };
  while (!a.empty() || !b.empty()) {
    const int x = next(a), y = next(b);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

}  // namespace ionian::images
