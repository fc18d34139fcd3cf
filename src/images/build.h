#pragma once
// One run of Builder::build: private to it.
#include <optional>

#include "images/builder.h"
#include "images/copy_step.h"

namespace ionian::images {

class Build {
 public:
  Build(const Builder& builder, const StepAid& aid, const BuildInput& input, BuildLog& log,
        const std::atomic<bool>& cancelled)
      : builder_(builder), aid_(aid), input_(input), log_(log), cancelled_(cancelled) {}

  Result<BuiltImage> run();
  // Layers that this run made and that are not part of `kept`.
  void remove_layers_but(const std::vector<std::string>& kept) const;

 private:
  struct Stage {
    std::string name;
    BuiltImage image;
    bool has_own_cmd = false;
    std::map<std::string, std::string> args;
  };

  Result<void> carry_out(const Instruction& line);
  Result<void> on(const FromLine& line);
  Result<void> on(const RunLine& line);
  Result<void> on(const CopyLine& line);
  Result<void> on(const EnvLine& line);
  Result<void> on(const ArgLine& line);
  Result<void> on(const WorkdirLine& line);
  Result<void> on(const UserLine& line);
  Result<void> on(const CmdLine& line);
  Result<void> on(const EntrypointLine& line);
  Result<void> on(const ShellLine& line);
  Result<void> on(const IgnoredLine&) { return {}; }

  Stage& stage() { return stages_.back(); }
  Result<std::string> expanded(const std::string& word) const;
  std::optional<std::string> variable(std::string_view name) const;
  std::vector<std::string> command_args(const ShellOrExec& command) const;
  Result<std::vector<std::string>> lowers(const BuiltImage& image);
  Result<LayeredTree> tree_of(const BuiltImage& image);
  Result<LayeredTree> copy_source(const std::string& from);
  Result<LayeredTree> context();
  Result<LayeredTree> uv_tree(const std::string& image);
  Result<std::vector<std::string>> step_env(const ImageConfig& config) const;
  Result<StepResult> run_step(const BuiltImage& image, std::vector<std::string> args,
                              const std::string& scratch,
                              const std::function<void(int, std::string_view)>& on_output);
  Result<void> add_layer(const std::string& upper, std::uint32_t id_base);
  // Finds out which Python and libc the image has, by running them.
  Result<void> probe(BuiltImage& image);

  const Builder& builder_;
  const StepAid& aid_;
  const BuildInput& input_;
  BuildLog& log_;
  const std::atomic<bool>& cancelled_;
  std::vector<Stage> stages_;
  std::map<std::string, std::string> global_args_;
  std::vector<std::string> made_;
  std::vector<ScratchFolder> scratches_;  // contexts and unpacked sources, until the end
  std::optional<std::string> context_folder_;
  std::map<std::string, std::string> uv_folders_;
  std::string text_;  // of the line that is carried out
};

}  // namespace ionian::images
