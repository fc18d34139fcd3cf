#include "images/wheels.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/log.h"
#include "blobs/hash.h"
#include "images/archive.h"
#include "images/folder_lock.h"
#include "images/subprocess.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;

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

// "~=1.2.3" is at least that and of the series 1.2.
bool satisfies(std::string_view version, std::string_view op, std::string_view wanted) {
  if (op == "==") return version == wanted;
  const std::string series = cat(wanted.substr(0, wanted.rfind('.')), ".");
  return version.starts_with(series) && compare_versions(version, wanted) >= 0;
}

// The newest wheel for every Python and machine that a simple requirement allows, or "". Saves the
// second that pip takes to say so.
std::string find_cached(const std::string& cache, std::string_view requirement) {
  const std::size_t at = requirement.find_first_of("=~");
  if (at == requirement.npos || requirement.find_first_of(",*<>!; ") != requirement.npos) return "";
  const std::string_view op = requirement.substr(at, 2), wanted = requirement.substr(at + 2);
  if (op != "==" && op != "~=") return "";
  const std::string prefix = cat(requirement.substr(0, at), "-");
  std::string best, best_version;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache, error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(prefix) || !name.ends_with("-none-any.whl")) continue;
    const std::string version =
        name.substr(prefix.size(), name.find('-', prefix.size()) - prefix.size());
    if (!satisfies(version, op, wanted)) continue;
    if (best.empty() || compare_versions(version, best_version) > 0) {
      best = entry.path();
      best_version = version;
    }
  }
  return best;
}

std::string lines_of(const std::vector<std::string>& requirements) {
  std::string out;
  for (const std::string& line : requirements) cat_to(out, line, "\n");
  return out;
}

// The wheels that served a list of requirements before, if all are still there.
std::vector<std::string> known_set(const std::string& cache, const std::string& list) {
  std::vector<std::string> out;
  std::istringstream lines(read_file(list).value_or(""));
  for (std::string name; std::getline(lines, name);) {
    if (::access(cat(cache, "/", name).c_str(), F_OK) != 0) return {};
    out.push_back(std::move(name));
  }
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
  std::vector<std::string> args = {"--no-deps",
                                   "--only-binary=:all:", "--disable-pip-version-check"};
  if (target.python.empty()) return args;
  std::string abi = "cp";
  for (char c : target.python)
    if (c != '.') abi += c;
  for (std::string arg :
       {cat("--python-version=", target.python), std::string("--implementation=cp"),
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
  if (std::string found = find_cached(cache_, requirement); !found.empty()) return found;
  // One download at a time: the second of two equal ones then finds its wheel in the cache.
  ASSIGN_OR_RETURN(const UniqueFd lock, lock_in_folder(cache_, "wheels", cancelled));
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
  if (::access(path.c_str(), F_OK) != 0 &&
      ::rename(cat(scratch.path(), "/", name).c_str(), path.c_str()) != 0)
    return sys_fail(cat("keep ", path));
  return path;
}

Result<std::vector<std::string>> Wheels::download(std::vector<std::string> requirements,
                                                  const WheelTarget& target,
                                                  const std::atomic<bool>* cancelled) const {
  ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::make(cache_));
  const std::string file = cat(scratch.path(), "/requirements.txt");
  Command command{.args = {python_, "-m", "pip", "download", "--quiet",
                           cat("--dest=", scratch.path()), cat("--requirement=", file)},
                  .cancelled = cancelled};
  for (std::string& arg : target_args(target)) command.args.push_back(std::move(arg));
  Command offline = command;
  offline.args.insert(offline.args.end(), {"--no-index", cat("--find-links=", cache_)});
  TRY(write_file(file, lines_of(requirements)));
  ASSIGN_OR_RETURN(Exit exit, run_command(offline));
  for (std::size_t tries = 0; exit.code != 0; ++tries) {
    TRY(write_file(file, lines_of(requirements)));
    ASSIGN_OR_RETURN(exit, run_command(command));
    if (exit.code == 0) break;
    const auto missing = std::ranges::find(requirements, missing_pin(exit.tail));
    if (missing == requirements.end() || tries == requirements.size())
      return fail(Code::kFailedPrecondition, "download the packages:\n", exit.tail);
    TRY(stand_in(*missing, target, cancelled));
  }
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(scratch.path(), error)) {
    if (entry.path().extension() != ".whl") continue;
    names.push_back(entry.path().filename());
    fs::rename(entry.path(), cat(cache_, "/", names.back()), error);
    if (error) break;
  }
  if (error) return fail(Code::kInternal, "keep wheels in ", cache_, ": ", error.message());
  return names;
}

Result<void> Wheels::stand_in(std::string& pin, const WheelTarget& target,
                              const std::atomic<bool>* cancelled) const {
  const std::size_t equals = pin.find("==");
  ASSIGN_OR_RETURN(
      const std::string wheel,
      fetch(cat(pin.substr(0, equals), "<=", pin.substr(equals + 2)), target, cancelled));
  std::string_view version = std::string_view(wheel).substr(wheel.rfind('/') + 1);
  version.remove_prefix(version.find('-') + 1);
  std::string instead = cat(pin.substr(0, equals + 2), version.substr(0, version.find('-')));
  log::warning("the package index has no ", pin, ": ", instead, " stands in for it");
  pin = std::move(instead);
  return {};
}

Result<void> Wheels::install(const std::vector<std::string>& requirements,
                             const WheelTarget& target, const std::string& into,
                             const std::atomic<bool>* cancelled) const {
  std::string key = lines_of(requirements);
  for (const std::string& arg : target_args(target)) cat_to(key, arg, "\n");
  const std::string list = cat(cache_, "/set-", blobs::sha256_hex(key).substr(0, 32), ".txt");
  std::vector<std::string> names = known_set(cache_, list);
  if (names.empty()) {
    ASSIGN_OR_RETURN(names, download(requirements, target, cancelled));
    TRY(write_file_durably(list, lines_of(names), 0644));
  }
  for (const std::string& name : names) {
    // Programs and headers of a package are of no use to who only imports it.
    const auto is_module = [](std::string_view member) {
      return member.substr(0, member.find('/')).find(".data") == member.npos;
    };
    TRY(unpack(cat(cache_, "/", name), into,
               {.as = UnpackAs::kPlain, .wanted = is_module, .cancelled = cancelled}));
  }
  return {};
}

Result<void> Wheels::compile(const std::string& tree, const std::string& python) const {
  // A tree is never edited once published, so the compiled files need no check against their
  // sources. One process: workers of its own would outlive it when the server is killed.
  auto done = run_command({.args = {cat("python", python), "-m", "compileall", "-q", "-j1",
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
