#pragma once
// The commands below `ionian token`, each in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_token_new(Command token);
void add_token_rotate(Command token);
void add_token_set(Command token);
void add_token_info(Command token);

}  // namespace ionian::cli
