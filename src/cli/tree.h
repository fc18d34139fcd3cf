#pragma once
// The commands as a tree, for whatever is made of all of them: completion, man pages.
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ionian::cli {

struct OptionInfo {
  std::vector<std::string> short_names, long_names;  // without dashes; none of both: positional
  std::string name;                                  // of a positional argument
  std::string description;
  bool required = false;
  bool takes_value = false;
};

struct CommandInfo {
  struct Below {
    std::string name, description;
  };
  std::string name, description, footer;
  std::vector<OptionInfo> options;  // the visible ones
  std::vector<Below> commands;      // the visible ones directly below

  // All its options with their dashes, those of --help and --profile too.
  std::vector<std::string> option_words() const;
};

// Calls `visit` with every visible command and the words that lead to it, the root ("ionian")
// first.
void for_each_command(
    Command root, const std::function<void(const CommandInfo&, const std::string& words)>& visit);

}  // namespace ionian::cli
