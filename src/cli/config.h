#pragma once
// The commands below `ionian config`, each in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_config_show(Command config);
void add_config_set(Command config);

}  // namespace ionian::cli
