#pragma once
// The commands below `ionian profile`.
#include "cli/command.h"

namespace ionian::cli {

void add_profile_list(Command profile);

}  // namespace ionian::cli
