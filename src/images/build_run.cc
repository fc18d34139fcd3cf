// The part of a build that runs commands: RUN, and the look at what the image turned out to be.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/log.h"
#include "images/build.h"
#include "images/owner_shift.h"

namespace ionian::images {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// Lines of a failed command that its error repeats.
constexpr int kTailLines = 25;
constexpr std::size_t kTailBytes = 8 << 10;

// Prints what is asked for, each on a line of its own, or nothing.
constexpr const char* kProbe =
    "python -c 'import sys; print(\"python %d.%d.%d\" % sys.version_info[:3])' 2>/dev/null;"
    "getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 2";

std::string last_lines(const std::string& text) {
  std::size_t start = text.size();
  while (start > 0 && text[start - 1] == '\n') --start;
  for (int lines = 0; start > 0 && lines < kTailLines; ++lines) {
    const std::size_t before = text.rfind('\n', start - 1);
    start = before == text.npos ? 0 : before;
  }
  return text.substr(start > 0 ? start + 1 : 0);
}

std::string how_it_ended(const StepResult& result) {
  if (result.oom_killed)
    return result.memory_bytes == 0
               ? "ran out of memory"
               : cat("ran out of memory: it needs more than the ", result.memory_bytes >> 20,
                     " MiB that a step of a build may (the server's --build-memory)");
  if (result.signal != 0) return cat("was killed by signal ", result.signal);
  return cat("failed with exit code ", result.exit_code);
}

// The mount points that a runner may have had to make, with folders above them that are there only
// for their sake: empty, and no different from the image's own.
Result<void> remove_mount_points(const std::string& upper, const std::vector<Bind>& binds,
                                 const LayeredTree& below) {
  for (const Bind& bind : binds) {
    std::string at = bind.target;
    if (::rmdir((upper + at).c_str()) != 0) continue;
    while ((at = at.substr(0, at.rfind('/'))) != "") {
      struct stat info;
      if (::lstat((upper + at).c_str(), &info) != 0 || is_opaque(upper + at)) break;
      ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> old, below.find(at));
      if (old && old->info.st_mode != info.st_mode) break;
      if (::rmdir((upper + at).c_str()) != 0) break;
    }
  }
  return {};
}

bool is_empty(const std::string& folder) {
  std::error_code error;
  return std::filesystem::is_empty(folder, error) && !error;
}

}  // namespace

// Later ones win: the host's settings, arguments, the image's variables, secrets.
Result<std::vector<std::string>> Build::step_env(const ImageConfig& config) const {
  Variables all = aid_.env;
  set_variable(all, "PATH", kDefaultPath);
  const std::string& user = config.user;
  if (user.empty() || user == "root" || user == "0") set_variable(all, "HOME", "/root");
  for (const auto& [name, value] : stages_.back().args) set_variable(all, name, value);
  for (const Variables* variables : {&config.env, &input_.secret_env})
    for (const auto& [name, value] : *variables) set_variable(all, name, value);
  std::vector<std::string> out;
  for (const auto& [name, value] : all) {
    if (name.find_first_of(std::string_view("=\0", 2)) != name.npos ||
        value.find('\0') != value.npos)
      return fail(Code::kInvalidArgument,
                  "a variable has a name or a value that no process can have");
    out.push_back(cat(name, "=", value));
  }
  return out;
}

Result<StepResult> Build::run_step(const BuiltImage& image, std::vector<std::string> args,
                                   const std::string& scratch,
                                   const std::function<void(int, std::string_view)>& on_output) {
  StepSpec step{.name = text_,
                .scratch_dir = scratch,
                .args = std::move(args),
                .workdir = image.config.workdir,
                .user = image.config.user,
                .binds = aid_.binds};
  ASSIGN_OR_RETURN(step.lowers, lowers(image));
  ASSIGN_OR_RETURN(step.env, step_env(image.config));
  ASSIGN_OR_RETURN(StepResult result, builder_.runner_->run(step, on_output, cancelled_));
  TRY(remove_mount_points(result.upper_dir, step.binds, LayeredTree(step.lowers)));
  return result;
}

Result<void> Build::on(const RunLine& line) {
  ASSIGN_OR_RETURN(const ScratchFolder scratch, builder_.layers_->scratch());
  std::string tail;
  const auto on_output = [&](int fd, std::string_view text) {
    log_.write(fd, text);
    tail += text;
    if (tail.size() > 2 * kTailBytes) tail.erase(0, tail.size() - kTailBytes);
  };
  ASSIGN_OR_RETURN(const StepResult result,
                   run_step(stage().image, command_args(line.command), scratch.path(), on_output));
  if (cancelled_) return fail(Code::kCancelled, "the build was cancelled");
  if (result.exit_code != 0 || result.signal != 0 || result.oom_killed)
    return fail(Code::kFailedPrecondition, text_, "\n", how_it_ended(result),
                tail.empty() ? ", without output" : cat(":\n", last_lines(tail)));
  if (is_empty(result.upper_dir)) return {};
  return add_layer(result.upper_dir, result.id_base);
}

Result<void> Build::probe(BuiltImage& image) {
  const auto asked = [](const BuiltImage& i) {
    return std::pair(
        i.layers, find_variable(i.config.env, "PATH") ? *find_variable(i.config.env, "PATH") : "");
  };
  for (const auto& [name, base] : input_.base_images)
    if (asked(base) == asked(image)) {
      image.config.python_version = base.config.python_version;
      image.config.libc = base.config.libc;
      return {};
    }
  image.config.python_version.clear();
  image.config.libc.clear();
  ASSIGN_OR_RETURN(const LayeredTree tree, tree_of(image));
  ASSIGN_OR_RETURN(const std::optional<LayeredTree::Node> shell, tree.find("/bin/sh"));
  if (!shell) return {};
  ASSIGN_OR_RETURN(const ScratchFolder scratch, builder_.layers_->scratch());
  std::string out;
  const auto on_output = [&](int, std::string_view text) {
    if (out.size() < kTailBytes) out += text;
  };
  text_ = "look at the image";
  // As root and from /: the image's user and folder may be ones that only its entrypoint makes.
  BuiltImage plain = image;
  plain.config.user.clear();
  plain.config.workdir.clear();
  auto result = run_step(plain, {"/bin/sh", "-c", kProbe}, scratch.path(), on_output);
  if (cancelled_) return fail(Code::kCancelled, "the build was cancelled");
  if (!result) {
    log::warning("an image cannot be run, so its Python is unknown: ", result.error().message);
    return {};
  }
  std::istringstream lines(out);
  bool musl = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("python ")) image.config.python_version = line.substr(7);
    if (line.starts_with("glibc ")) image.config.libc = line;
    musl = musl || line.starts_with("musl");
    if (musl && line.starts_with("Version ")) {
      const std::size_t minor = line.find('.');
      image.config.libc = cat("musl ", line.substr(8, line.find('.', minor + 1) - 8));
    }
  }
  return {};
}

}  // namespace ionian::images
