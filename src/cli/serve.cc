#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/pages.h"
#include "server/server.h"

namespace ionian::cli {

void add_serve(CLI::App& app) {
  auto options = std::make_shared<server::ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Run the server on this machine");
  command->footer(std::string(kServePage));
  command->add_option("--data", options->data, "Folder for everything the server keeps")->required();
  command->add_option("--grpc", options->grpc, "Address for clients; port 0 takes a free one")->capture_default_str();
  command->add_option("--http", options->http, "Address for blobs and pages")->capture_default_str();
  command->add_option("--tls-cert", options->tls_certificate, "Certificate chain (PEM) for both addresses; read again when it changes");
  command->add_option("--tls-key", options->tls_key, "Its private key (PEM)");
  command->add_option("--server-url", options->server_url, "Address by which clients reach --grpc, if it is another (https://…)");
  command->add_option("--public-url", options->public_url, "Address by which browsers reach --http, if it is another (https://…)");
  command->add_option("--ready-file", options->ready_file, "Write {grpc_url, http_url, pid} here once it serves");
  command->add_option("--cache", options->cache, "Folder for downloads (default $IONIAN_CACHE, else ~/.cache/ionian)");
  command->add_flag("--insecure-public", options->insecure_public, "Listen beyond loopback without encryption");
  command->add_option("--owner-email", options->owner_email, "Make the owner's account at the first start; with --owner-password-stdin");
  auto password_from_stdin = std::make_shared<bool>(false);
  command->add_flag("--owner-password-stdin", *password_from_stdin, "Read the owner's password, a line, from stdin");
  command->add_option("--allow-host", options->allow_hosts, "ADDR:PORT of this host that containers may reach");
  command->add_flag("--log-json", options->json_logs, "Log lines as JSON");
  command->add_flag("--debug", options->debug, "Log every call");
  command->callback([options, password_from_stdin] {
    if (*password_from_stdin != !options->owner_email.empty()) die("--owner-email and --owner-password-stdin belong together");
    if (*password_from_stdin && !std::getline(std::cin, options->owner_password)) die("no password came on stdin");
    // The folder may not be there yet.
    options->data = std::filesystem::weakly_canonical(std::filesystem::absolute(options->data)).string();
    if (Result<void> served = server::serve(*options); !served) die(served.error().message);
  });
}

}  // namespace ionian::cli
