#include "images/build.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace ionian::images {
namespace {

constexpr std::size_t kStageLimit = 100;

}  // namespace

Result<BuiltImage> Build::run() {
  std::string text;
  for (const std::string& element : input_.dockerfile_commands) cat_to(text, element, "\n");
  ASSIGN_OR_RETURN(const std::vector<Instruction> lines, parse_dockerfile(text));
  int number = 0;
  for (const Instruction& line : lines) {
    if (cancelled_) return fail(Code::kCancelled, "the build was cancelled");
    log_.write(1, cat("=> Step ", number++, ": ", line.text, "\n"));
    text_ = line.text;
    if (Result<void> done = carry_out(line); !done) {
      // A command's own failure already names it.
      if (done.error().code != Code::kInvalidArgument) return std::unexpected(done.error());
      return fail(Code::kInvalidArgument, "line ", line.line, " of the Dockerfile (",
                  line.text.substr(0, 200), "): ", done.error().message);
    }
  }
  if (stages_.empty()) return fail(Code::kInvalidArgument, "the Dockerfile has no FROM line");
  BuiltImage image = std::move(stage().image);
  TRY(probe(image));
  return image;
}

Result<void> Build::carry_out(const Instruction& line) {
  const bool before_from =
      std::holds_alternative<FromLine>(line.body) || std::holds_alternative<ArgLine>(line.body);
  if (stages_.empty() && !before_from)
    return fail(Code::kInvalidArgument, "the first line must be FROM");
  return std::visit([this](const auto& body) { return on(body); }, line.body);
}

std::optional<std::string> Build::variable(std::string_view name) const {
  if (stages_.empty()) {
    const auto it = global_args_.find(std::string(name));
    return it == global_args_.end() ? std::nullopt : std::optional(it->second);
  }
  const Stage& stage = stages_.back();
  if (const std::string* value = find_variable(stage.image.config.env, name)) return *value;
  if (const auto it = stage.args.find(std::string(name)); it != stage.args.end()) return it->second;
  return std::nullopt;
}

Result<std::string> Build::expanded(const std::string& word) const {
  return expand(word, [this](std::string_view name) { return variable(name); });
}

Result<void> Build::on(const FromLine& line) {
  if (stages_.size() >= kStageLimit)
    return fail(Code::kInvalidArgument, "there are more than ", kStageLimit, " stages");
  const auto global = [this](std::string_view name) -> std::optional<std::string> {
    const auto it = global_args_.find(std::string(name));
    return it == global_args_.end() ? std::nullopt : std::optional(it->second);
  };
  ASSIGN_OR_RETURN(const std::string name, expand(line.image, global));
  Stage next{.name = line.stage};
  const auto stage = std::ranges::find(stages_, name, &Stage::name);
  if (!name.empty() && stage != stages_.end()) {
    next.image = stage->image;
  } else if (const auto base = input_.base_images.find(name); base != input_.base_images.end()) {
    next.image = base->second;
  } else {
    ASSIGN_OR_RETURN(next.image, builder_.bases_->get(name, log_, cancelled_));
  }
  stages_.push_back(std::move(next));
  return {};
}

Result<void> Build::on(const ArgLine& line) {
  for (const auto& [name, word] : line.words) {
    std::optional<std::string> value;
    if (word) {
      ASSIGN_OR_RETURN(value, expanded(*word));
    }
    if (const auto given = input_.build_args.find(name); given != input_.build_args.end())
      value = given->second;
    if (!value && !stages_.empty())
      if (const auto global = global_args_.find(name); global != global_args_.end())
        value = global->second;
    if (value) (stages_.empty() ? global_args_ : stage().args)[name] = *value;
  }
  return {};
}

Result<void> Build::on(const EnvLine& line) {
  // All values of a line see the variables as they were before it.
  Variables values;
  for (const auto& [name, word] : line.words) {
    ASSIGN_OR_RETURN(std::string value, expanded(word));
    values.emplace_back(name, std::move(value));
  }
  for (auto& [name, value] : values) set_variable(stage().image.config.env, name, std::move(value));
  return {};
}

Result<void> Build::on(const WorkdirLine& line) {
  ASSIGN_OR_RETURN(const std::string word, expanded(line.word));
  ImageConfig& config = stage().image.config;
  config.workdir = clean_path(config.workdir, word);
  ASSIGN_OR_RETURN(const LayeredTree below, tree_of(stage().image));
  ASSIGN_OR_RETURN(const ScratchFolder scratch, builder_.layers_->scratch());
  const std::string upper = scratch.path() + "/upper";
  TRY(make_folders(upper));
  UpperWriter writer(below, upper, WriteBound(0), cancelled_);
  TRY(writer.make_folder(config.workdir));
  return writer.touched() ? add_layer(upper, 0) : Result<void>{};
}

Result<void> Build::on(const UserLine& line) {
  ASSIGN_OR_RETURN(stage().image.config.user, expanded(line.word));
  return {};
}

Result<void> Build::on(const CmdLine& line) {
  stage().image.config.cmd = command_args(line.command);
  stage().has_own_cmd = true;
  return {};
}

Result<void> Build::on(const EntrypointLine& line) {
  ImageConfig& config = stage().image.config;
  config.entrypoint = command_args(line.command);
  // A command that was meant for the base's entrypoint does not fit this one.
  if (!stage().has_own_cmd) config.cmd.clear();
  return {};
}

Result<void> Build::on(const ShellLine& line) {
  stage().image.config.shell = line.args;
  return {};
}

std::vector<std::string> Build::command_args(const ShellOrExec& command) const {
  if (command.is_exec) return command.args;
  const std::vector<std::string>& shell = stages_.back().image.config.shell;
  std::vector<std::string> args = shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : shell;
  args.push_back(command.script);
  return args;
}

Result<void> Build::on(const CopyLine& line) {
  CopyLine words = line;
  for (std::string* word : {&words.target, &words.from, &words.chown, &words.chmod}) {
    ASSIGN_OR_RETURN(*word, expanded(*word));
  }
  for (std::string& word : words.sources) {
    ASSIGN_OR_RETURN(word, expanded(word));
  }
  ASSIGN_OR_RETURN(const LayeredTree source,
                   words.from.empty() ? context() : copy_source(words.from));
  ASSIGN_OR_RETURN(const LayeredTree below, tree_of(stage().image));
  ASSIGN_OR_RETURN(const ScratchFolder scratch, builder_.layers_->scratch());
  const std::string upper = scratch.path() + "/upper";
  TRY(make_folders(upper));
  UpperWriter writer(below, upper, WriteBound(builder_.runner_->disk_bytes()), cancelled_);
  if (Result<void> done = writer.copy(words, source, stage().image.config.workdir); !done)
    return done.error().code == Code::kResourceExhausted ? prepend(text_, done.error()) : done;
  return writer.touched() ? add_layer(upper, 0) : Result<void>{};
}

Result<void> Build::add_layer(const std::string& upper, std::uint32_t id_base) {
  ASSIGN_OR_RETURN(std::string id, builder_.layers_->commit(upper, id_base));
  made_.push_back(id);
  stage().image.layers.push_back(std::move(id));
  return {};
}

void Build::remove_layers_but(const std::vector<std::string>& kept) const {
  for (const std::string& id : made_)
    if (std::ranges::count(kept, id) == 0)
      if (Result<void> done = builder_.layers_->remove(id); !done)
        log::warning(done.error().message);
}

}  // namespace ionian::images
