#pragma once
// The commands below `ionian workspace`, each group in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_workspace_members(Command workspace);
void add_member_tokens(Command workspace);
void add_service_users(Command workspace);
void add_proxy_tokens(Command workspace);
void add_workspace_settings(Command workspace);

}  // namespace ionian::cli
