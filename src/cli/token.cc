#include "cli/token.h"

#include "cli/server.h"

namespace ionian::cli {

void add_token(Command app) {
  Command token = add_group(app, "token", "The token that clients on this machine use");
  add_token_set(token);
  add_token_new(token);
  add_token_rotate(token);
  add_token_info(token);
}

}  // namespace ionian::cli
