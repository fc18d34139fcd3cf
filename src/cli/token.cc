#include "cli/token.h"

namespace ionian::cli {

void add_token(CLI::App& app) {
  CLI::App* token = app.add_subcommand("token", "The token that clients on this machine use");
  token->require_subcommand(1);
  add_token_set(*token);
  add_token_info(*token);
}

}  // namespace ionian::cli
