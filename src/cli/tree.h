#pragma once
// The commands as a tree, for whatever is made of all of them: completion, man pages.
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ionian::cli {

// Visible commands directly below one.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
// Visible options of a command, those of --help and --profile too, with their dashes.
std::vector<std::string> options_of(const CLI::App& app);
// Calls `visit` with every visible command and the words that lead to it, the root ("ionian")
// first.
void for_each_command(const CLI::App& root,
                      const std::function<void(const CLI::App&, const std::string& words)>& visit);

}  // namespace ionian::cli
