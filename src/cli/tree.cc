#include "cli/tree.h"

#include <CLI/CLI.hpp>

#include "base/cat.h"

namespace ionian::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const CLI::App* one : app.get_subcommands({}))
    if (!one->get_group().empty()) out.push_back(one);
  return out;
}

OptionInfo info_of(const CLI::Option& option) {
  return {.short_names = option.get_snames(),
          .long_names = option.get_lnames(),
          .name = option.get_positional() ? option.get_name() : "",
          .description = option.get_description(),
          .required = option.get_required(),
          .takes_value = option.get_expected_max() > 0};
}

CommandInfo info_of(const CLI::App& app) {
  CommandInfo info{.name = app.get_name(),
                   .description = app.get_description(),
                   .footer = app.get_footer(),
                   .options = {},
                   .commands = {}};
  for (const CLI::Option* one : app.get_options())
    if (!one->get_group().empty()) info.options.push_back(info_of(*one));
  for (const CLI::App* one : commands_of(app))
    info.commands.push_back({one->get_name(), one->get_description()});
  return info;
}

void walk(const CLI::App& app, const std::string& words,
          const std::function<void(const CommandInfo&, const std::string&)>& visit) {
  visit(info_of(app), words);
  for (const CLI::App* one : commands_of(app)) walk(*one, cat(words, " ", one->get_name()), visit);
}

}  // namespace

std::vector<std::string> CommandInfo::option_words() const {
  std::vector<std::string> out;
  for (const OptionInfo& one : options) {
    for (const std::string& each : one.short_names) out.push_back(cat("-", each));
    for (const std::string& each : one.long_names) out.push_back(cat("--", each));
  }
  out.emplace_back("--profile");
  return out;
}

void for_each_command(Command root,
                      const std::function<void(const CommandInfo&, const std::string&)>& visit) {
  walk(root.tree(), "ionian", visit);
}

}  // namespace ionian::cli
