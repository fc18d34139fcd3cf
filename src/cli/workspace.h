#pragma once
// The commands below `ionian workspace`, each group in a file of its own.
#include "cli/command.h"

namespace ionian::cli {

void add_workspace_members(CLI::App& workspace);
void add_member_tokens(CLI::App& workspace);
void add_service_users(CLI::App& workspace);
void add_proxy_tokens(CLI::App& workspace);
void add_workspace_settings(CLI::App& workspace);

}  // namespace ionian::cli
