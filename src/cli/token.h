#pragma once
// The commands below `ionian token`, each in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_token_new(CLI::App& token);
void add_token_rotate(CLI::App& token);
void add_token_set(CLI::App& token);
void add_token_info(CLI::App& token);

}  // namespace ionian::cli
