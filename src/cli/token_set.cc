#include <memory>

#include "cli/hidden_input.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "cli/token.h"
#include "cli/token_store.h"
#include "client/config_credentials.h"

namespace ionian::cli {
namespace {

struct Options {
  std::optional<std::string> token_id, token_secret;
  bool activate = true, verify = true, delete_existing = false;
};

std::string given_or_asked(const std::optional<std::string>& given, const std::string& what) {
  if (given && *given != "-") return *given;
  Result<std::string> line = given ? read_hidden(what + ": ") : ask_hidden(what + ": ");
  if (!line) die(cat("no ", what, ": ", line.error().message));
  return *line;
}

void check(std::string_view name, const std::string& value) {
  if (value.empty()) die(cat(name, " is empty"));
  Result<void> fine = client::check_credential(name, value, "what was entered");
  if (!fine) die(fine.error().message);
}

void set_token(const Options& options) {
  if (options.token_secret && *options.token_secret != "-")
    warn(
        "a secret on the command line can be read by others in the process list, and shells keep "
        "it in their history. "
        "`--token-secret -` reads it from stdin");
  // What cannot be written or reached is found before any question.
  config().profiles();
  NewToken token{.token_id = {},
                 .token_secret = {},
                 .server_url = config().server_url(),
                 .url_origin = config().origin("server_url").str(),
                 .profile = {}};
  token.token_id = given_or_asked(options.token_id, "Token ID");
  token.token_secret = given_or_asked(options.token_secret, "Token secret");
  check("token_id", token.token_id);
  check("token_secret", token.token_secret);
  if (!options.verify) token.verify = NewToken::Verify::kNo;
  if (!options.activate) token.activate = NewToken::Activate::kNo;
  if (options.delete_existing) token.old = NewToken::Old::kDelete;
  store_token(token);
}

}  // namespace

void add_token_set(Command token) {
  auto options = std::make_shared<Options>();
  Command command = add_command(token, "set", "Store a token pair", kTokenSetPage,
                                [options] { set_token(*options); });
  command.add_option("--token-id", options->token_id, "ak-…; - reads it from stdin");
  command.add_option("--token-secret", options->token_secret, "as-…; - reads it from stdin");
  command.add_flag("--activate,!--no-activate", options->activate,
                   "Use this profile from now on; on unless turned off");
  command.add_flag("--verify,!--no-verify", options->verify,
                   "Ask the server whether it takes the pair; on unless turned off");
  command.add_flag("--delete-existing", options->delete_existing,
                   "Then delete the token that the profile had before");
}

}  // namespace ionian::cli
