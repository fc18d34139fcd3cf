#include "cli/tree.h"

#include "base/cat.h"

namespace ionian::cli {
namespace {

void walk(const CLI::App& app, const std::string& words,
          const std::function<void(const CLI::App&, const std::string&)>& visit) {
  visit(app, words);
  for (const CLI::App* one : commands_of(app)) walk(*one, cat(words, " ", one->get_name()), visit);
}

}  // namespace

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const CLI::App* one : app.get_subcommands({}))
    if (!one->get_group().empty()) out.push_back(one);
  return out;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::Option* one : app.get_options()) {
    if (one->get_group().empty()) continue;
    for (const std::string& name : one->get_snames()) out.push_back(cat("-", name));
    for (const std::string& name : one->get_lnames()) out.push_back(cat("--", name));
  }
  out.emplace_back("--profile");
  return out;
}

void for_each_command(const CLI::App& root,
                      const std::function<void(const CLI::App&, const std::string&)>& visit) {
  walk(root, "ionian", visit);
}

}  // namespace ionian::cli
