#include <iostream>
#include <memory>

#include "cli/flow_page.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/server.h"
#include "cli/settings.h"
#include "cli/token.h"
#include "cli/token_store.h"
#include "modal_proto/token.pb.h"

namespace ionian::cli {
namespace {

constexpr float kWaitSeconds = 40;
constexpr Duration kWaitTimeout = 45s;

struct Options {
  bool activate = true, verify = true, delete_existing = false;
  std::optional<std::string> expires_in, overlap;
  std::string source, next_url, profile;
};

std::uint32_t lifetime(const std::optional<std::string>& text) {
  if (!text) return 0;
  const auto seconds = parse_duration(*text, Bare::kRefused);
  if (!seconds) die_of_usage("--expires-in takes a length of time, like 30m, 12h or 7d");
  return *seconds;
}

std::uint32_t overlap_of(const std::optional<std::string>& text) {
  if (!text) return 0;
  const auto seconds = parse_duration(*text, Bare::kRefused);
  if (!seconds) die_of_usage("--overlap takes a length of time, like 30m, 12h or 7d");
  return *seconds;
}

void show(const modal::client::TokenFlowCreateResponse& flow) {
  if (open_browser(flow.web_url()))
    std::cout
        << "A page of your browser asks you to sign in and approve. If none came up, open:\n\n";
  else
    std::cout << "Open this page in a browser, sign in and approve:\n\n";
  std::cout << "  " << flow.web_url() << "\n\n";
  if (!flow.code().empty()) std::cout << "If it asks for a code: " << flow.code() << "\n\n";
  std::cout << std::flush;
}

modal::client::TokenFlowWaitResponse wait_for_approval(
    client::Session& server, const modal::client::TokenFlowCreateResponse& flow) {
  const Spinner spinner("Waiting for the approval in the browser");
  modal::client::TokenFlowWaitRequest request;
  request.set_timeout(kWaitSeconds);
  request.set_token_flow_id(flow.token_flow_id());
  request.set_wait_secret(flow.wait_secret());
  for (;;) {
    auto reply = call<modal::client::TokenFlowWaitResponse>(server, "TokenFlowWait", request,
                                                            {.timeout = kWaitTimeout});
    if (!reply.timeout()) return reply;
  }
}

void new_token(const Options& options) {
  modal::client::TokenFlowCreateRequest request;
  request.set_expires_in_seconds(lifetime(options.expires_in));
  config().profiles();  // a file that cannot be written is found before anybody is asked
  if (config().origin("server_url").kind == ConfigOrigin::Kind::kDefault)
    std::cout << "No server_url is set: asking the server on this machine.\n";
  const std::string url = config().server_url(), origin = config().origin("server_url").str();
  client::Session server(
      {.server_url = url, .who = client::SessionOptions::Who::kAnonymous, .url_origin = origin});
  FlowPage page;
  request.set_localhost_port(page.port());
  request.set_utm_source(options.source);
  request.set_next_url(options.next_url);
  const auto flow =
      call<modal::client::TokenFlowCreateResponse>(server, "TokenFlowCreate", request);
  page.show(flow.token_flow_id());
  show(flow);
  const auto reply = wait_for_approval(server, flow);
  std::cout << "Approved.";
  if (!reply.workspace_username().empty())
    std::cout << " The token is connected to the workspace " << reply.workspace_username() << ".";
  std::cout << "\n";
  store_token({.token_id = reply.token_id(),
               .token_secret = reply.token_secret(),
               .server_url = url,
               .url_origin = origin,
               .verify = options.verify ? NewToken::Verify::kYes : NewToken::Verify::kNo,
               .activate = options.activate ? NewToken::Activate::kYes : NewToken::Activate::kNo,
               .old = options.delete_existing ? NewToken::Old::kDelete : NewToken::Old::kKeep,
               .overlap_seconds = overlap_of(options.overlap),
               .profile = options.profile});
}

// The same profile gets another pair, whatever it is called and whatever is active.
void rotate(Options options) {
  options.profile = config().profile();
  options.delete_existing = true;
  options.activate = false;
  (void)overlap_of(options.overlap);  // a wrong one is said before a browser opens
  if (config().get("token_id", options.profile, false).value_or("").empty())
    die(cat("profile ", options.profile, " of ", config().path(),
            " has no token that could be replaced. `ionian token new` makes one"));
  new_token(options);
}

}  // namespace

void add_token_new(Command token) {
  auto options = std::make_shared<Options>();
  Command command = add_command(token, "new", "Get a token by signing in with a browser",
                                kTokenNewPage, [options] { new_token(*options); });
  command.add_flag("--activate,!--no-activate", options->activate,
                   "Use this profile from now on; on unless turned off");
  command.add_flag("--verify,!--no-verify", options->verify,
                   "Ask the server whether it takes the pair; on unless turned off");
  command.add_option("--expires-in", options->expires_in, "The token's life: 30m, 12h, 7d");
  command.add_flag("--delete-existing", options->delete_existing,
                   "Then delete the token that the profile had before");
  command.add_option("--source", options->source).hide();
}

void add_token_rotate(Command token) {
  auto options = std::make_shared<Options>();
  Command command = add_command(token, "rotate", "Replace the profile's token by a new one",
                                kTokenRotatePage, [options] { rotate(*options); });
  command.add_option("--expires-in", options->expires_in, "The new token's life: 30m, 12h, 7d");
  command.add_option("--overlap", options->overlap,
                     "Let the old token go on for 1h, 24h, up to 7d");
}

void add_setup(Command app) {
  auto options = std::make_shared<Options>();
  options->next_url = "/home";
  add_command(app, "setup", "First use: sign in and store a token", kSetupPage,
              [options] { new_token(*options); });
}

}  // namespace ionian::cli
