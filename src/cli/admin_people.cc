#include <iostream>

#include "cli/admin.h"
#include "cli/pages.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string user;
};

void show_link(const Options& options, std::string_view what, const std::string& url) {
  if (options.json)
    std::cout << Json{{"url", url}}.dump() << "\n";
  else
    std::cout << what << url << "\n";
}

void owner_link(const Options& options) {
  const auto reply = ask_server<OwnerLinkResponse>(options, "OwnerLink", OwnerLinkRequest());
  show_link(options, "Make the owner account (link works once, 60 minutes): ", reply.url());
}

void reset_password(const Options& options) {
  PasswordLinkRequest request;
  request.set_user(options.user);
  const auto reply = ask_server<PasswordLinkResponse>(options, "PasswordLink", request);
  show_link(options, cat("Pass this link to ", options.user, " (works once, for 7 days): "),
            reply.url());
}

void rotate_signing_key(const Options& options) {
  ask_server<SigningKeyRotateResponse>(options, "SigningKeyRotate", SigningKeyRotateRequest());
  if (options.json)
    std::cout << Json{{"rotated", true}}.dump() << "\n";
  else
    print_done("A new key signs auth tokens; the former one verifies for another hour");
}

void rotate_secret_key(const Options& options) {
  const auto reply =
      ask_server<SecretKeyRotateResponse>(options, "SecretKeyRotate", SecretKeyRotateRequest());
  Json damaged = Json::array();
  for (const auto& each : reply.damaged())
    damaged.push_back(
        {{"id", each.id()}, {"name", each.name()}, {"environment", each.environment()}});
  if (options.json)
    std::cout << Json{{"secrets", reply.secrets()}, {"damaged", damaged}}.dump() << "\n";
  else
    print_done(cat(reply.secrets(), reply.secrets() == 1 ? " secret is" : " secrets are",
                   " sealed with a new key; back up the key file again"));
  if (options.json) return;
  for (const auto& each : reply.damaged())
    std::cerr << "Warning: secret '" << each.name() << "' (" << each.id() << ") of environment '"
              << each.environment()
              << "' is damaged, and stays so: replace it with `modal secret create --force`\n";
}

}  // namespace

void add_admin_people(Command admin) {
  const auto options = std::make_shared<Options>();
  finish_admin(
      admin.add_subcommand("owner-link", "Print a one-time link that makes the owner's account"),
      kAdminPeoplePage, options, owner_link);
  Command reset = admin.add_subcommand(
      "reset-password", "Print a one-time link by which somebody chooses a new password");
  reset.add_option("USER", options->user, "Name or email").required();
  finish_admin(reset, kAdminPeoplePage, options, reset_password);
  finish_admin(admin.add_subcommand("rotate-signing-key",
                                    "Sign the clients' short-lived auth tokens with a new key"),
               kAdminPeoplePage, options, rotate_signing_key);
  finish_admin(
      admin.add_subcommand("rotate-secret-key", "Seal the values of all secrets with a new key"),
      kAdminPeoplePage, options, rotate_secret_key);
}

}  // namespace ionian::cli
