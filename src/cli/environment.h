#pragma once
// The commands below `ionian environment`, each in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_environment_roles(Command environment);

}  // namespace ionian::cli
